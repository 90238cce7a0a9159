"""Arguments that torch takes and hardly anybody passes: value and gradient are torch's."""

from __future__ import annotations

import pytest
import torch
from torch.nn import functional as F  # noqa: N812 (as everybody calls it)

import plugrad as pg

UINT8 = torch.uint8

#: Each is called with a function that makes a leaf, and one that makes a constant.
CALLS = {
    "cat of nothing along 1": lambda x, _: torch.cat([x(0), x(0)], 1),
    "cat of one nothing along -3": lambda x, _: torch.cat([x(0)], -3),
    "roll along None": lambda x, _: torch.roll(x(3, 2), 2, None),
    "index_put at bytes": lambda x, c: torch.index_put(x(3, 2), (c([1, 1, 0], UINT8),), x(2)),
    "indices of uint8": lambda x, c: F.embedding_bag(
        c([1, 2, 1], UINT8), x(3, 2), c([0, 1]), mode="sum", per_sample_weights=x(3)
    ),
    "indices of int16": lambda x, c: F.embedding_bag(
        c([1, 2, 1], torch.int16), x(3, 2), c([0, 1]), mode="mean"
    ),
    "offsets of int16": lambda x, c: F.embedding_bag(
        c([1, 2, 1]), x(3, 2), c([0, 1], torch.int16), mode="max"
    ),
    "cosine_similarity, eps True": lambda x, _: F.cosine_similarity(x(2, 3), x(2, 3), eps=True),
    "gaussian_nll_loss, eps True": lambda x, c: F.gaussian_nll_loss(
        x(3), c([1.0, 2.0, 3.0]), x(3), eps=True
    ),
    "cosine_embedding_loss, margin True": lambda x, c: F.cosine_embedding_loss(
        x(2, 3), x(2, 3), c([1, -1]), margin=True
    ),
}


def outcome(call, leaf, grad):
    leaves = []

    def make(*shape):
        numbers = torch.linspace(0.2, 0.9, max(1, torch.Size(shape).numel()), dtype=torch.float64)
        leaves.append(leaf(numbers[: torch.Size(shape).numel()].reshape(shape)))
        return leaves[-1]

    y = call(make, lambda values, dtype=None: torch.tensor(values, dtype=dtype))
    gradients = grad((y * y).sum(), leaves)
    return [t.detach().data for t in (y, *gradients)]


@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.parametrize("name", CALLS)
def test_what_torch_takes_is_taken(name):
    expected = outcome(CALLS[name], lambda t: t.requires_grad_(), torch.autograd.grad)
    got = outcome(CALLS[name], lambda t: pg.Variable(t, requires_grad=True), pg.grad)
    for wanted, have in zip(expected, got, strict=True):
        torch.testing.assert_close(have, wanted)
