"""nn.LSTM in float32 and bfloat16, which torch computes with oneDNN's kernels, beside torch."""

from __future__ import annotations

import copy

import pytest
import torch
from torch import nn
from torch.nn.utils import rnn

import plugrad as pg
from plugrad.errors import ArgumentError


def gradients(module, leaf, grad, x, states, given=(0, 1, 2), again=False):
    """Outputs, gradients of x, of the states and of the parameters; and those of their squares."""
    leaves = [leaf(t) for t in (x, *states)]
    y, (h, c) = module(leaves[0], tuple(leaves[1:]) or None)
    chosen = [(y, h, c)[i] for i in given]
    generator = torch.Generator().manual_seed(1)
    loss = sum((o * torch.randn(o.shape, generator=generator).to(o.dtype)).sum() for o in chosen)
    wanted = [*leaves, *module.parameters()]
    found = grad(loss, wanted, create_graph=again)
    second = grad(sum((g * g).sum() for g in found), wanted) if again else ()
    return [t.detach() for t in (y, h, c, *found, *second)]


def both(options, x, states=(), *, dtype=torch.float32, train=True, **how):
    torch.manual_seed(0)
    module = nn.LSTM(4, 3, **options).to(dtype).train(train)
    ours = pg.interop.convert(copy.deepcopy(module))
    x, states = x.to(dtype), [s.to(dtype) for s in states]
    torch.manual_seed(2)
    leaf = lambda t: t.clone().requires_grad_()  # noqa: E731
    expected = gradients(module, leaf, torch.autograd.grad, x, states, **how)
    torch.manual_seed(2)
    leaf = lambda t: pg.Variable(t.clone(), requires_grad=True)  # noqa: E731
    got = gradients(ours, leaf, pg.grad, x, states, **how)
    return [g.data for g in got], expected


def normal(*shape):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(len(shape)))


OPTIONS = {
    "plain": {},
    "two directions": {"bidirectional": True},
    "layers with dropout": {"num_layers": 3, "dropout": 0.4, "bidirectional": True},
    "batch first": {"batch_first": True},
    "no bias": {"bias": False, "bidirectional": True},
}


@pytest.mark.parametrize("train", [True, False], ids=["train", "eval"])
@pytest.mark.parametrize("options", OPTIONS.values(), ids=OPTIONS)
def test_each_option_with_states(options, train):
    layers = options.get("num_layers", 1) * (2 if options.get("bidirectional") else 1)
    batch = 5 if options.get("batch_first") else 2
    states = normal(layers, batch, 3), normal(layers, batch, 3).flip(0)
    got, expected = both(options, normal(5, 2, 4), states, train=train, again=True)
    torch.testing.assert_close(got, expected, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("given", [(0,), (1,), (2,), (1, 2)], ids=str)
def test_gradients_of_some_of_the_outputs(given):
    got, expected = both({"bidirectional": True}, normal(4, 2, 4), given=given, again=True)
    torch.testing.assert_close(got, expected, rtol=1e-4, atol=1e-4)


def test_a_sequence_without_a_batch():
    got, expected = both({}, normal(4, 4))
    torch.testing.assert_close(got, expected, rtol=1e-5, atol=1e-5)


def test_bfloat16():
    got, expected = both({"bidirectional": True}, normal(4, 2, 4), dtype=torch.bfloat16)
    assert {g.dtype for g in got} == {torch.bfloat16}
    torch.testing.assert_close(got, expected, rtol=5e-2, atol=5e-2)


def test_packed_sequences():
    torch.manual_seed(0)
    module = nn.LSTM(4, 3, bidirectional=True)
    ours = pg.interop.convert(copy.deepcopy(module))
    lengths = torch.tensor([2, 4])
    expected = rnn.pack_padded_sequence(normal(4, 2, 4), lengths, enforce_sorted=False)
    module(expected)[0].data.square().sum().backward()
    x = pg.Variable(normal(4, 2, 4), requires_grad=True)
    packed = rnn.pack_padded_sequence(x, lengths, enforce_sorted=False)
    ours(packed)[0].data.square().sum().backward()
    assert not x.grad[2:, 0].any()
    for g, w in zip(ours.parameters(), module.parameters(), strict=True):
        torch.testing.assert_close(g.grad.data, w.grad)


def test_autocast_is_as_in_torch():
    torch.manual_seed(0)
    module = nn.LSTM(4, 3)
    ours = pg.interop.convert(copy.deepcopy(module))
    for layer, x in ((module, normal(4, 2, 4)), (ours, pg.Variable(normal(4, 2, 4)))):
        with torch.autocast("cpu", dtype=torch.bfloat16):
            y, _ = layer(x)
        assert y.dtype is torch.bfloat16
        y.float().square().sum().backward()
    for g, w in zip(ours.parameters(), module.parameters(), strict=True):
        torch.testing.assert_close(g.grad.data, w.grad, rtol=5e-2, atol=5e-2)


def test_states_that_are_not_contiguous():
    states = normal(1, 3, 2).mT, normal(3, 2, 1).permute(2, 1, 0)
    expected, _ = both({}, normal(5, 2, 4), [s.contiguous() for s in states])
    got, _ = both({}, normal(5, 2, 4), states)
    assert torch.equal(got[0], expected[0])
    torch.testing.assert_close(got, expected)


def test_a_second_backward_gives_the_same_again():
    ours = pg.interop.convert(nn.LSTM(4, 3))
    x = pg.Variable(normal(5, 2, 4), requires_grad=True)
    y = ours(x)[0].sin().sum()
    leaves = [x, *ours.parameters()]
    first, second = (pg.grad(y, leaves, retain_graph=True) for _ in range(2))
    assert all(torch.equal(a, b) for a, b in zip(first, second, strict=True))


def test_an_lstm_trains_as_in_torch():
    torch.manual_seed(0)
    module = nn.LSTM(4, 3, num_layers=2)
    ours = pg.interop.convert(copy.deepcopy(module))
    losses = []
    for layer, x in ((module, normal(6, 2, 4)), (ours, pg.Variable(normal(6, 2, 4)))):
        optimizer = torch.optim.Adam(layer.parameters(), lr=0.05)
        for _ in range(5):
            optimizer.zero_grad()
            loss = (layer(x)[0] - 0.5).square().mean()
            loss.backward()
            optimizer.step()
        losses.append(loss.item())
    assert losses[1] == pytest.approx(losses[0], rel=1e-4)


# --- what the kernel does not look at ---------------------------------------------------


def call(x=(4, 2, 5), weights=((12, 5), (12, 3), (12,), (12,)), h=(2, 3), c=(2, 3), **other):
    tensors = [torch.ones(shape) for shape in (x, *weights, h, c)]
    tensors[0] = pg.Variable(tensors[0].to(other.get("dtype", torch.float32)), requires_grad=True)
    sizes, mode, size = other.get("sizes", []), other.get("mode", 2), other.get("size", 3)
    last = 1, True, False, False, True
    return torch.ops.aten.mkldnn_rnn_layer.default(*tensors, False, sizes, mode, size, *last)


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"mode": 3}, "mode must be 2"),
        ({"sizes": [2, 2, 1]}, "batch_sizes empty"),
        ({"x": (0, 2, 5)}, "with a step at least"),
        ({"x": (4, 5)}, "steps, sequences, features"),
        ({"h": (1, 3)}, r"h and c must be of shape \(2, 3\)"),
        ({"c": (1, 2, 3)}, r"h and c must be of shape \(2, 3\)"),
        ({"size": 4}, r"h and c must be of shape \(2, 4\)"),
        ({"weights": ((12, 4), (12, 3), (12,), (12,))}, r"\(12, 5\), \(12, 3\) and twice \(12,\)"),
        ({"weights": ((12, 5), (12, 3), (12,), (11,))}, r"\(12, 5\), \(12, 3\) and twice \(12,\)"),
        ({"dtype": torch.float64}, "the same floating-point dtype"),
    ],
)
def test_arguments_that_do_not_fit_are_refused_before_the_kernel_reads_them(wrong, said):
    with pytest.raises(ArgumentError, match=said):
        call(**wrong)
    assert call()[0].shape == (4, 2, 3)
