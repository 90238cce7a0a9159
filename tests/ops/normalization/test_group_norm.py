"""group_norm of nothing: torch's gradient of the weight is nan."""

from __future__ import annotations

import pytest
import torch
from torch.nn import functional as F  # noqa: N812 (as everybody calls it)

import plugrad as pg


def native(x, groups, weight, bias):
    sizes = x.shape[0], x.shape[1], x.shape[2:].numel(), groups
    return torch.native_group_norm(x, weight, bias, *sizes, 1e-5)[0]


@pytest.mark.parametrize("function", [F.group_norm, native], ids=["functional", "native"])
@pytest.mark.parametrize("shape", [(1, 2, 0), (2, 2, 3, 0), (0, 2, 3)], ids=str)
def test_sums_over_no_pixels_are_0(function, shape):
    three = [torch.ones(s, dtype=torch.float64) for s in (shape, 2, 2)]
    x, weight, bias = [pg.Variable(t, requires_grad=True) for t in three]
    y = function(x, 1, weight, bias)
    cotangent = pg.Variable(torch.ones_like(y.data), requires_grad=True)
    grads = pg.grad(y, (x, weight, bias), cotangent, create_graph=True)
    for g, t in zip(grads, three, strict=True):
        assert torch.equal(g.data, torch.zeros_like(t))
    again = pg.grad(
        [g.sum() for g in grads], (x, weight, cotangent), allow_unused=True, materialize_grads=True
    )
    for g in again:
        assert torch.equal(g.data, torch.zeros_like(g.data))
