"""The kernels of CUDA for recurrent layers, which stand-ins play here, beside torch on the CPU."""

from __future__ import annotations

import copy

import pytest
import torch
from torch import nn
from torch.nn.utils import rnn

import plugrad as pg
from plugrad.errors import ArgumentError, OnceDifferentiableError
from plugrad.ops.recurrent import _cuda, _cudnn

MODES = {"RNN_RELU": 0, "RNN_TANH": 1, "LSTM": 2, "GRU": 3}
FORWARD = torch.ops.aten._cudnn_rnn.default


def layers_of_torch(x, weights, stride, h, c, mode, proj, layers, first, both, sizes):
    """torch's own layers on the CPU."""
    function = (torch._VF.rnn_relu, torch._VF.rnn_tanh, torch._VF.lstm, torch._VF.gru)[mode]
    state = h if c is None else (h, c)
    last = stride - bool(proj) == 4, layers, 0.0, True, both
    if sizes:
        return function(x, torch.tensor(sizes), state, list(weights), *last)
    return function(x, state, list(weights), *last, first)


def cudnn(x, weights, stride, buffer, h, c, *numbers):
    mode, _, proj, layers, first, _, train, both, sizes, _ = numbers
    assert not first
    assert x.is_contiguous()
    assert h.is_contiguous()
    y, hn, *cn = layers_of_torch(x, weights, stride, h, c, mode, proj, layers, False, both, sizes)
    reserve = torch.ones(3 if train else 0, dtype=torch.uint8)
    return y, hn, cn[0] if cn else x.new_empty(0), reserve, torch.ones(4, dtype=x.dtype)


def cudnn_backward(x, weights, stride, buffer, h, c, y, gy, gh, gc, *numbers):
    mode, _, proj, layers, _, _, train, both, sizes, *last = numbers
    _, reserve, mask = last
    assert train
    assert reserve.all(), "it was written into before"
    assert all(t is None or t.is_contiguous() for t in (x, h, c, y, gy, gh, gc))
    reserve.zero_()
    wanted = [x, h, *([] if c is None else [c]), *weights]
    leaves = [t.detach().requires_grad_() for t in wanted]
    n = 2 if c is None else 3
    x, h, *cell = leaves[:n]
    with torch.enable_grad():
        outputs = layers_of_torch(
            x, leaves[n:], stride, h, cell[0] if cell else None, mode, proj, layers, False, both,
            sizes,
        )  # fmt: skip
        grads = [gy, gh] if c is None else [gy, gh, gc]
        found = torch.autograd.grad(outputs, leaves, grads)
    gc = found[2] if c is not None else x.new_empty(0)
    return found[0], found[1], gc, list(found[n:]) if mask[3] else []


def lstm(zx, zh, c, b=None, d=None):
    z = zx + zh if b is None else zx + zh + b + d
    i, f, g, o = z.chunk(4, 1)
    new = f.sigmoid() * c + i.sigmoid() * g.tanh()
    return o.sigmoid() * new.tanh(), new, z


def lstm_backward(gh, gc, c, cell, z, has_bias):
    leaves = [z.detach().requires_grad_(), c.detach().requires_grad_()]
    with torch.enable_grad():
        out = lstm(leaves[0], torch.zeros_like(z), leaves[1])[:2]
        gz, gcx = torch.autograd.grad(out, leaves, [gh, gc])
    return gz, gcx, gz.sum(0) if has_bias else None


def gru(zx, zh, h, b=None, d=None):
    zx, zh = (zx, zh) if b is None else (zx + b, zh + d)
    (xr, xz, xn), (hr, hz, hn) = zx.chunk(3, 1), zh.chunk(3, 1)
    z, n = (xz + hz).sigmoid(), (xn + (xr + hr).sigmoid() * hn).tanh()
    return n + z * (h - n), torch.cat([zx, zh, h], 1)


def gru_backward(gh, kept, has_bias):
    n = kept.shape[1] // 7
    leaves = [t.detach().requires_grad_() for t in kept.split([3 * n, 3 * n, n], 1)]
    with torch.enable_grad():
        gx, gz, of_h = torch.autograd.grad(gru(*leaves)[0], leaves, gh)
    return gx, gz, of_h, gx.sum(0) if has_bias else None, gz.sum(0) if has_bias else None


@pytest.fixture(params=[True, False], ids=["kernels", "steps"])
def kernels(request, monkeypatch):
    if request.param:
        for module in (_cuda, _cudnn):
            monkeypatch.setattr(module, "has_kernel", lambda x: x.numel() > 0)
        for name, stand_in in {
            "_lstm_cell": lstm,
            "_lstm_cell_gradient": lstm_backward,
            "_gru_cell": gru,
            "_gru_cell_gradient": gru_backward,
        }.items():
            monkeypatch.setattr(_cuda, name, stand_in)
        monkeypatch.setattr(_cudnn, "_forward", cudnn)
        monkeypatch.setattr(_cudnn, "_backward", cudnn_backward)
    return request.param


def call(module, x, h, c, sizes=(), train=True, dropout=0.0):
    """A converted module's layers, as torch calls them on CUDA."""
    stride = len(module._all_weights[0])
    numbers = module.hidden_size, module.proj_size, module.num_layers, module.batch_first
    last = dropout, train, module.bidirectional, list(sizes), None
    weights = list(module._flat_weights)
    return FORWARD(x, weights, stride, None, h, c, MODES[module.mode], *numbers, *last)


MODULES = {
    "lstm": lambda: nn.LSTM(4, 3),
    "lstm of layers": lambda: nn.LSTM(4, 3, 2, bidirectional=True, batch_first=True),
    "projected": lambda: nn.LSTM(4, 3, 2, proj_size=2, bidirectional=True),
    "without biases": lambda: nn.LSTM(4, 3, 2, bias=False),
    "gru": lambda: nn.GRU(4, 3, 2, bidirectional=True),
    "gru, batch first": lambda: nn.GRU(4, 3, batch_first=True),
    "tanh": lambda: nn.RNN(4, 3, 2),
    "relu": lambda: nn.RNN(4, 3, nonlinearity="relu", bidirectional=True),
}


def compared(outputs, leaves, grad):
    torch.manual_seed(5)
    loss = sum((o * torch.randn(o.shape, dtype=o.dtype)).sum() for o in outputs)
    plain = grad(loss, leaves, retain_graph=True)
    again = grad(loss, leaves, retain_graph=True)
    first = grad(loss, leaves, create_graph=True)
    second = grad(sum((g * g).sum() for g in first), leaves)
    assert all(torch.equal(a.detach(), b.detach()) for a, b in zip(plain, again, strict=True))
    return [torch.as_tensor(getattr(t, "data", t)) for t in (*outputs, *plain, *first, *second)]


@pytest.mark.parametrize("packed", [False, True], ids=["whole", "packed"])
@pytest.mark.parametrize("name", MODULES)
def test_layers(name, packed, kernels):
    torch.manual_seed(0)
    module = MODULES[name]().double()
    ours = pg.interop.convert(copy.deepcopy(module))
    directions = 2 if module.bidirectional else 1
    batch = 5 if module.batch_first and not packed else 3
    size = module.proj_size or module.hidden_size
    x = torch.randn(*((7, 4) if packed else (5, 3, 4)), dtype=torch.float64)
    states = [torch.randn(module.num_layers * directions, batch, size, dtype=torch.float64)]
    if batch == 5:
        x = x.reshape(5, 3, 4)
    if module.mode == "LSTM":
        states.append(torch.randn(len(states[0]), batch, 3, dtype=torch.float64))
    sizes = [3, 3, 1] if packed else []
    results = []
    for engine in ("torch", "plugrad"):
        if engine == "torch":
            leaves = [t.clone().requires_grad_() for t in (x, *states)]
            state = leaves[1] if len(states) == 1 else tuple(leaves[1:])
            given = rnn.PackedSequence(leaves[0], torch.tensor(sizes)) if packed else leaves[0]
            y, state = module(given, state)
            outputs = [y.data if packed else y, *(state if len(states) == 2 else [state])]
            results.append(compared(outputs, [*leaves, *module.parameters()], torch.autograd.grad))
        else:
            leaves = [pg.Variable(t.clone(), requires_grad=True) for t in (x, *states)]
            outputs = call(ours, *(leaves if len(leaves) == 3 else [*leaves, None]), sizes=sizes)
            outputs = outputs[: 1 + len(states)]
            results.append(compared(outputs, [*leaves, *ours.parameters()], pg.grad))
    torch.testing.assert_close(results[1], results[0])


def lstm_of(n, *shape):
    torch.manual_seed(0)
    module = pg.interop.convert(nn.LSTM(4, 3, n).double())
    h = torch.randn(n, 2, 3, dtype=torch.float64)
    x = pg.Variable(torch.randn(*shape, dtype=torch.float64), requires_grad=True)
    return module, x, h


def test_dropout_between_layers_has_no_second_derivative(kernels):
    module, x, h = lstm_of(2, 5, 2, 4)
    if not kernels:
        with pytest.raises(ArgumentError, match="cuDNN alone knows"):
            call(module, x, h, h, dropout=0.5)
        return
    y = call(module, x, h, h, dropout=0.5)[0]
    (plain,) = pg.grad(y.square().sum(), x, retain_graph=True)
    (g,) = pg.grad(y.square().sum(), x, create_graph=True)
    assert torch.equal(g.data, plain.data)
    with pytest.raises(OnceDifferentiableError):
        pg.grad(g.square().sum(), x)


@pytest.mark.parametrize(("layers", "train"), [(1, True), (2, False)])
def test_without_anything_to_drop_dropout_changes_nothing(layers, train, kernels):
    module, x, h = lstm_of(layers, 5, 2, 4)
    found = []
    for dropout in (0.0, 0.5):
        y = call(module, x, h, h, train=train, dropout=dropout)[0]
        (g,) = pg.grad(y.square().sum(), x, create_graph=True)
        found.append((y.data, g.data, pg.grad(g.square().sum(), x)[0].data))
    torch.testing.assert_close(*found)


def test_in_eval_mode_the_gradient_is_that_of_training(kernels):
    module, x, h = lstm_of(2, 5, 2, 4)
    leaves = [x, *module.parameters()]
    both = [
        pg.grad(call(module, x, h, h, train=train)[0].sin().sum(), leaves)
        for train in (True, False)
    ]
    torch.testing.assert_close(*[[g.data for g in found] for found in both])


def test_weights_without_a_gradient(kernels):
    module, x, h = lstm_of(1, 5, 2, 4)
    loss = call(module, x, h, h)[0].sin().sum()
    (wanted,) = pg.grad(loss, x)
    module.requires_grad_(False)
    (got,) = pg.grad(call(module, x, h, h)[0].sin().sum(), x)
    torch.testing.assert_close(got.data, wanted.data)


def test_the_weights_that_the_kernel_gets_are_those_of_the_module(kernels, monkeypatch):
    module, x, h = lstm_of(1, 5, 2, 4)
    seen = []
    monkeypatch.setattr(
        _cudnn, "_forward", lambda x, w, *args: (seen.extend(w), cudnn(x, w, *args))[1]
    )
    call(module, x, h, h)
    assert not kernels or [w.data_ptr() for w in seen] == [
        w.data.data_ptr() for w in module.parameters()
    ]


def test_layers_are_mapped_step_by_step(kernels):
    if kernels:
        pytest.skip("the stand-in for has_kernel does not look at torch.vmap")
    module, _, h = lstm_of(2, 5, 2, 4)
    xs = pg.Variable(torch.randn(3, 5, 2, 4, dtype=torch.float64))
    got = pg.func.vmap(lambda x: call(module, x, h, h)[0])(xs)
    wanted = torch.stack([call(module, x, h, h)[0].data for x in xs])
    torch.testing.assert_close(got.data, wanted)


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("kind", ["lstm", "gru"])
def test_cells(kind, bias, kernels):
    torch.manual_seed(0)
    gates, primitive = (
        (4, torch.ops.aten._thnn_fused_lstm_cell.default)
        if kind == "lstm"
        else (3, torch.ops.aten._thnn_fused_gru_cell.default)
    )
    function = torch.lstm_cell if kind == "lstm" else torch.gru_cell
    x, h, c = torch.randn(2, 5), torch.randn(2, 3), torch.randn(2, 3)
    weights = [torch.randn(gates * 3, 5), torch.randn(gates * 3, 3)]
    weights += [torch.randn(gates * 3), torch.randn(gates * 3)] if bias else []
    tensors = [t.double() for t in (x, h, c, *weights)]

    leaves = [t.clone().requires_grad_() for t in tensors]
    x, h, c, *weights = leaves
    state = (h, c) if kind == "lstm" else h
    outputs = function(x, state, *weights)
    used = [t for t in leaves if t is not c or kind == "lstm"]
    outputs = outputs if kind == "lstm" else [outputs]
    expected = compared(outputs, used, torch.autograd.grad)

    leaves = [pg.Variable(t.clone(), requires_grad=True) for t in tensors]
    x, h, c, w, u, *biases = leaves
    outputs = primitive(x @ w.mT, h @ u.mT, c if kind == "lstm" else h, *biases)[:-1]
    used = [t for t in leaves if t is not c or kind == "lstm"]
    torch.testing.assert_close(compared(outputs, used, pg.grad), expected)
