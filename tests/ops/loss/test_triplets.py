"""triplet_margin_with_distance_loss: a distance that has parameters of its own."""

from __future__ import annotations

import pytest
import torch
from torch.nn import functional as F  # noqa: N812 (as everybody calls it)

import plugrad as pg


@pytest.mark.parametrize("swap", [False, True])
def test_a_distance_with_a_parameter_gives_all_gradients(swap):
    """The points reached the distance as tensors, and their gradients ended there."""
    generator = torch.Generator().manual_seed(0)
    given = [torch.randn(3, 4, generator=generator, dtype=torch.float64) for _ in range(4)]

    def loss(*points, scale):
        return F.triplet_margin_with_distance_loss(
            *points, distance_function=lambda x, y: ((x - y).abs() * scale).sum(-1), swap=swap
        )

    tensors = [t.clone().requires_grad_() for t in given]
    variables = [pg.Variable(t, requires_grad=True) for t in given]
    expected = torch.autograd.grad(loss(*tensors[:3], scale=tensors[3]), tensors)
    got = pg.grad(loss(*variables[:3], scale=variables[3]), variables)
    for g, e in zip(got, expected, strict=True):
        torch.testing.assert_close(g.data, e)
