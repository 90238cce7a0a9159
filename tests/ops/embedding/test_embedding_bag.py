"""embedding and embedding_bag: second derivatives, frequencies, the largest norm."""

from __future__ import annotations

import pytest
import torch
from torch.nn import functional as F  # noqa: N812 (as everybody calls it)

import plugrad as pg
from plugrad.errors import ArgumentError

INDICES = torch.tensor([1, 0, 3, 3, 2, 1, 3])
OFFSETS = torch.tensor([0, 2, 5])


def table():
    generator = torch.Generator().manual_seed(0)
    return torch.randn(5, 2, generator=generator, dtype=torch.float64)


def bags_by_hand(table, weights, mode):
    bags = [slice(0, 2), slice(2, 5), slice(5, 7)]
    rows = table[INDICES] if weights is None else table[INDICES] * weights.unsqueeze(1)
    reduce = {"sum": lambda r: r.sum(0), "mean": lambda r: r.mean(0), "max": lambda r: r.amax(0)}
    return torch.stack([reduce[mode](rows[b]) for b in bags])


@pytest.mark.parametrize(
    ("mode", "weighted"), [("sum", False), ("sum", True), ("mean", False), ("max", False)]
)
def test_second_derivative(mode, weighted):
    tensors = [table(), torch.linspace(0.5, 2, 7, dtype=torch.float64)][: 1 + weighted]

    def run(function, leaves, grad):
        y = function(leaves[0], leaves[1] if weighted else None)
        first = grad(y.sin().sum(), leaves, create_graph=True)
        return [*first, *grad(sum(g.pow(3).sum() for g in first), leaves)]

    def ours(table, weights):
        return F.embedding_bag(INDICES, table, OFFSETS, mode=mode, per_sample_weights=weights)

    got = run(ours, [pg.Variable(t, requires_grad=True) for t in tensors], pg.grad)
    leaves = [t.clone().requires_grad_() for t in tensors]
    expected = run(lambda t, w: bags_by_hand(t, w, mode), leaves, torch.autograd.grad)
    for a, b in zip(got, expected, strict=True):
        torch.testing.assert_close(a.data, b.detach())


def test_frequencies_beside_padding():
    x = pg.Variable(table(), requires_grad=True)
    y = F.embedding_bag(INDICES, x, OFFSETS, mode="sum", scale_grad_by_freq=True, padding_idx=3)
    (g,) = pg.grad(y.sum(), x)
    assert g.data[:, 0].tolist() == [1, 1, 1, 0, 0]


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
def test_indices_after_the_last_offset(dtype):
    # One of torch's kernels leaves them out, the other counts them in the last bag.
    x = pg.Variable(table().to(dtype), requires_grad=True)
    offsets = torch.tensor([0, 2, 4])
    y = F.embedding_bag(INDICES, x, offsets, mode="sum", include_last_offset=True)
    (g,) = pg.grad(y.sum(), x)
    torch.testing.assert_close((g.data * x.data).sum(), y.data.sum())


def test_second_derivative_of_frequencies():
    x = pg.Variable(table(), requires_grad=True)
    y = F.embedding(INDICES, x, scale_grad_by_freq=True)
    c = pg.Variable(torch.ones(7, 2, dtype=torch.float64), requires_grad=True)
    (g,) = pg.grad(y, x, c, create_graph=True)
    (h,) = pg.grad(g.sum(), c)
    assert h.data[:, 0].tolist() == pytest.approx([1 / 2, 1, 1 / 3, 1 / 3, 1, 1 / 2, 1 / 3])


def test_max_norm_changes_the_table_in_place():
    ours, theirs = pg.Variable(table(), requires_grad=True), table()
    y = F.embedding(INDICES, ours, max_norm=0.5)
    assert torch.equal(y.data, F.embedding(INDICES, theirs, max_norm=0.5))
    assert torch.equal(ours.data, theirs)
    assert ours.data._version == 1


def test_shapes_that_kill_the_kernel_are_refused():
    x = pg.Variable(table(), requires_grad=True)
    kernel = torch.ops.aten._embedding_bag.default
    with pytest.raises(ArgumentError, match="indices and no bag"):
        kernel(x, INDICES, torch.tensor([0]), False, 0, False, None, True)
    with pytest.raises(ArgumentError, match="embedding_bag got tensors of shapes"):
        kernel(x, INDICES, OFFSETS, False, 0, False, torch.ones(3, dtype=torch.float64))
    backward = torch.ops.aten._embedding_bag_dense_backward.default
    g, bag = pg.Variable(torch.ones(3, 2), requires_grad=True), torch.zeros(7, dtype=torch.int64)
    with pytest.raises(ArgumentError, match="sizes for bags"):
        backward(g, INDICES, bag, torch.ones(2, dtype=torch.int64), bag, 5, False, 0, None)
