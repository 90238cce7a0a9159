"""Variables on a GPU: moves between devices, modes, streams and what training calls there."""

from __future__ import annotations

import io
import threading

import pytest
import torch

import plugrad as pg
from plugrad.errors import PlugradError
from plugrad.tests.interop.against_torch import PLUGRAD, TORCH, raw

pytestmark = [
    pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no GPU here"),
    pytest.mark.filterwarnings("ignore"),
]

CUDA = torch.device("cuda")


def both(function, *tensors):
    """Value and gradients on torch's engine and on plugrad's."""
    found = []
    for engine in (TORCH, PLUGRAD):
        torch.manual_seed(0)
        leaves = [engine.leaf(t) for t in tensors]
        out = function(*leaves)
        gradients = engine.grad(out.float().square().sum(), leaves)
        found.append([raw(t) for t in (out, *gradients)])
    return found


def assert_same(function, *tensors, **tolerance):
    wanted, got = both(function, *tensors)
    for w, g in zip(wanted, got, strict=True):
        assert g.device == w.device
        torch.testing.assert_close(g, w, **tolerance)


MOVES = {
    "cuda": lambda x: x.cuda() * 2,
    "to": lambda x: x.to("cuda").sin(),
    "to and back": lambda x: x.to("cuda").sin().cpu() * x,
    "to a tensor's": lambda x: x.to(torch.zeros(2, device="cuda", dtype=torch.float32)) * 3,
    "not blocking": lambda x: x.pin_memory().to("cuda", non_blocking=True).exp(),
    "copied into": lambda x: (
        torch.zeros(3, 4, device="cuda", dtype=x.dtype).copy_(x.data) + x.cuda()
    ),
    "type": lambda x: x.type("torch.cuda.DoubleTensor") * 2,
    "cat": lambda x: torch.cat([x.cuda(), x.cuda() * 2]).cpu(),
    "where": lambda x: torch.where(x.cuda() > 0, x.cuda(), 0.5),
    "index on the CPU": lambda x: x.cuda()[torch.tensor([0, 2, 0])],
    "stack of numbers": lambda x: torch.stack([x.cuda()[0, 0], x.cuda().sum()]),
}


@pytest.mark.parametrize("name", MOVES)
def test_moves(name):
    x = torch.randn(3, 4, dtype=torch.float64)
    assert_same(MOVES[name], x)


def test_a_cotangent_on_another_device_is_refused():
    x = pg.Variable(torch.randn(3, device=CUDA), requires_grad=True)
    with pytest.raises(PlugradError, match="cuda"):
        (x * 2).backward(torch.ones(3))
    with pytest.raises(PlugradError, match="a gradient on cpu to a tensor on cuda"):
        x.grad = torch.ones(3)


def test_operands_on_two_devices_are_refused():
    x = pg.Variable(torch.randn(3, device=CUDA), requires_grad=True)
    y = pg.Variable(torch.randn(3), requires_grad=True)
    with pytest.raises((PlugradError, RuntimeError), match="device"):
        x * y
    with pytest.raises((PlugradError, RuntimeError), match="device"):
        torch.linalg.lstsq(x[None], y[None])


def test_module_moves_keep_the_parameters():
    model = torch.nn.Sequential(torch.nn.Linear(3, 4), torch.nn.BatchNorm1d(4))
    pg.interop.convert(model)
    model.cuda()
    assert all(p.is_cuda for p in model.parameters())
    model(torch.randn(5, 3, device=CUDA)).square().sum().backward()
    assert all(p.grad.is_cuda for p in model.parameters())
    model.cpu()
    assert not any(p.is_cuda or p.grad.is_cuda for p in model.parameters())


def test_gradients_on_another_stream():
    side = torch.cuda.Stream()
    x = torch.randn(2000, 2000, device=CUDA)
    wanted = None
    for engine in (TORCH, PLUGRAD):
        leaf = engine.leaf(x)
        for _ in range(20):
            leaf.grad = None
            side.wait_stream(torch.cuda.current_stream())
            with torch.cuda.stream(side):
                y = leaf
                for _ in range(5):
                    y = (y @ leaf).tanh()
            torch.cuda.current_stream().wait_stream(side)
            (y * leaf).sum().backward()
            got = raw(leaf.grad) + 0
            if wanted is None:
                wanted = got.clone()
            torch.testing.assert_close(got, wanted, rtol=1e-3, atol=1e-3)


def test_threads_and_the_current_device():
    x = pg.Variable(torch.randn(50, 50, device=CUDA), requires_grad=True)
    found = []

    def work():
        with torch.cuda.stream(torch.cuda.Stream()):
            (g,) = pg.grad((x @ x).sum(), [x])
            torch.cuda.current_stream().synchronize()
            found.append(g)

    threads = [threading.Thread(target=work) for _ in range(8)]
    torch.cuda.synchronize()
    [t.start() for t in threads]
    [t.join() for t in threads]
    for g in found[1:]:
        torch.testing.assert_close(torch.as_tensor(g.detach()), torch.as_tensor(found[0].detach()))
    assert len(found) == 8


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16], ids=str)
@pytest.mark.parametrize("fused", [False, True], ids=["plain", "fused"])
def test_amp(dtype, fused):
    losses = []
    for converted in (False, True):
        torch.manual_seed(0)
        model = torch.nn.Sequential(
            torch.nn.Conv2d(3, 8, 3), torch.nn.BatchNorm2d(8), torch.nn.GELU(), torch.nn.Flatten(),
            torch.nn.Linear(8 * 36, 5), torch.nn.LayerNorm(5),
        ).cuda()  # fmt: skip
        if converted:
            pg.interop.convert(model)
        optimizer = torch.optim.AdamW(model.parameters(), lr=1e-2, fused=fused)
        scaler = torch.amp.GradScaler("cuda", enabled=dtype is torch.float16)
        torch.manual_seed(1)
        losses.append([])
        for _ in range(8):
            x, y = torch.randn(16, 3, 8, 8, device=CUDA), torch.randint(0, 5, (16,), device=CUDA)
            optimizer.zero_grad()
            with torch.autocast("cuda", dtype=dtype):
                loss = torch.nn.functional.cross_entropy(model(x), y)
            scaler.scale(loss).backward()
            scaler.unscale_(optimizer)
            torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            scaler.step(optimizer)
            scaler.update()
            losses[-1].append(loss.item())
    assert losses[1] == pytest.approx(losses[0], rel=1e-2)
    assert losses[1] != losses[1][:1] * 8


OPTIMIZERS = {
    "SGD": {"lr": 0.1, "momentum": 0.9},
    "SGD fused": {"lr": 0.1, "momentum": 0.9, "fused": True},
    "Adam": {"lr": 0.1},
    "Adam foreach": {"lr": 0.1, "foreach": True},
    "Adam fused": {"lr": 0.1, "fused": True},
    "AdamW capturable": {"lr": 0.1, "capturable": True},
    "Adagrad": {"lr": 0.1},
    "RMSprop": {"lr": 0.1},
    "LBFGS": {"lr": 0.1},
    "NAdam": {"lr": 0.1},
    "Adafactor": {"lr": 0.1},
}


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_optimizers(name):
    results = []
    for converted in (False, True):
        torch.manual_seed(0)
        model = torch.nn.Sequential(torch.nn.Linear(3, 4), torch.nn.Tanh(), torch.nn.Linear(4, 1))
        model.cuda().double()
        if converted:
            pg.interop.convert(model)
        cls = getattr(torch.optim, name.split()[0])
        optimizer = cls(model.parameters(), **OPTIMIZERS[name])
        x = torch.randn(10, 3, device=CUDA, dtype=torch.float64)

        def closure(model=model, optimizer=optimizer, x=x):
            optimizer.zero_grad()
            loss = (model(x) - 1).square().mean()
            loss.backward()
            return loss

        for _ in range(4):
            last = optimizer.step(closure)
        results.append(last.item())
    # capturable computes the bias correction in float32
    assert results[1] == pytest.approx(results[0], rel=1e-6)


@pytest.mark.parametrize("way", ["ours", "torch's", "reentrant", "plain input", "closed over"])
def test_checkpoint_draws_what_it_drew(way):
    def block(x):
        return torch.nn.functional.dropout(x, 0.5)

    data = torch.randn(1000, device=CUDA)
    x = pg.Variable(data.clone(), requires_grad=True)
    if way == "ours":
        y = pg.checkpoint(block, x)
    elif way == "plain input":
        y = pg.checkpoint(lambda plain: block(x * plain), torch.ones(1000, device=CUDA))
    elif way == "closed over":
        y = torch.utils.checkpoint.checkpoint(lambda _: block(x * 1.0), 0, use_reentrant=False)
    else:
        y = torch.utils.checkpoint.checkpoint(block, x, use_reentrant=way == "reentrant")
    torch.randn(10, device=CUDA)
    after = torch.cuda.get_rng_state()
    y.sum().backward()
    assert torch.equal(torch.cuda.get_rng_state(), after)
    assert torch.equal(x.grad.data != 0, y.data != 0)
    assert 300 < (y.data == 0).sum() < 700


def test_second_derivatives_draw_what_was_drawn():
    dropout = pg.interop.to_torch("nn.functional.dropout")
    x = torch.randn(1000, device=CUDA, requires_grad=True)
    y = dropout(x * x, 0.5)
    (g,) = torch.autograd.grad(y.sum(), x, create_graph=True)
    (h,) = torch.autograd.grad(g.sum(), x)
    assert torch.equal(h != 0, y != 0)


def test_a_number_of_the_cpu():
    x = torch.randn(3, 4, dtype=torch.float64)
    for scale in (torch.tensor(2.0, dtype=torch.float64),):
        variable = pg.Variable(scale.clone(), requires_grad=True)
        y = pg.Variable(x.cuda(), requires_grad=True)
        (y * variable).sum().backward()
        assert not variable.grad.is_cuda
        torch.testing.assert_close(variable.grad.data, x.sum())
        (g,) = pg.grad((y * variable).square().sum(), [variable], create_graph=True)
        assert not g.is_cuda
        (h,) = pg.grad(g, [variable])
        torch.testing.assert_close(h.data, 2 * x.square().sum())


@pytest.mark.parametrize("pin", [False, True])
def test_save_on_cpu(pin):
    def function(x):
        with torch.autograd.graph.save_on_cpu(pin_memory=pin):
            return (x.sin() * x).exp()

    assert_same(function, torch.randn(5, device=CUDA))
    x = pg.Variable(torch.randn(5, device=CUDA), requires_grad=True)
    with pg.graph.save_on_cpu(pin_memory=pin):
        y = (x.sin() * x).exp()
    y.sum().backward()
    assert x.grad.is_cuda


def test_saving_and_loading():
    v = pg.Variable(torch.randn(3, device=CUDA), requires_grad=True)
    buffer = io.BytesIO()
    torch.save(v, buffer)
    buffer.seek(0)
    back = torch.load(buffer)
    assert back.is_cuda
    assert torch.equal(back.data, v.data)
    buffer.seek(0)
    assert not torch.load(buffer, map_location="cpu").is_cuda


def test_a_default_device():
    with torch.device("cuda"):
        x = pg.Variable(torch.randn(3), requires_grad=True)
        y = (x * torch.ones(3)).sum() + torch.zeros_like(x).sum()
        y.backward()
    assert x.grad.is_cuda


def test_cuda_array_interface_and_repr():
    v = pg.Variable(torch.arange(3.0, device=CUDA))
    assert "cuda" in repr(v)
    assert torch.as_tensor(v.detach()).is_cuda
    assert v.get_device() == 0
    w = pg.Variable(torch.arange(3.0, device=CUDA), requires_grad=True)
    with pytest.raises((PlugradError, TypeError, RuntimeError)):
        w.numpy()
    with pytest.raises((PlugradError, TypeError, RuntimeError)):
        v.numpy()


def test_a_cuda_graph():
    model = pg.interop.convert(torch.nn.Linear(4, 4).cuda())
    x = torch.randn(2, 4, device=CUDA)
    side = torch.cuda.Stream()
    side.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(side):
        for _ in range(3):
            model.zero_grad(set_to_none=True)
            model(x).square().sum().backward()
    torch.cuda.current_stream().wait_stream(side)
    graph = torch.cuda.CUDAGraph()
    model.zero_grad(set_to_none=True)
    with torch.cuda.graph(graph):
        model(x).square().sum().backward()
    x.copy_(torch.randn(2, 4, device=CUDA))
    graph.replay()
    torch.cuda.synchronize()
    got = torch.as_tensor(model.weight.grad.detach()).clone()
    model.zero_grad(set_to_none=True)
    model(x).square().sum().backward()
    torch.testing.assert_close(got, torch.as_tensor(model.weight.grad.detach()))


def test_deterministic_algorithms():
    torch.use_deterministic_algorithms(True)
    try:
        index = torch.randint(0, 5, (100,), device=CUDA)
        assert_same(lambda x: x[index], torch.randn(5, 3, device=CUDA))
        assert_same(lambda x: x.index_select(0, index), torch.randn(5, 3, device=CUDA))
        assert_same(lambda x: x.gather(0, index[:, None]), torch.randn(5, 1, device=CUDA))
    finally:
        torch.use_deterministic_algorithms(False)


def test_the_memory_is_torchs():
    def peak(converted):
        torch.manual_seed(0)
        layers = [m for _ in range(8) for m in (torch.nn.Linear(512, 512), torch.nn.GELU())]
        model = torch.nn.Sequential(*layers).cuda()
        if converted:
            pg.interop.convert(model)
        x = torch.randn(4096, 512, device=CUDA)
        for _ in range(2):
            model.zero_grad()
            torch.cuda.synchronize()
            torch.cuda.reset_peak_memory_stats()
            before = torch.cuda.memory_allocated()
            model(x).square().sum().backward()
        return torch.cuda.max_memory_allocated() - before

    assert peak(True) <= peak(False) * 1.01
