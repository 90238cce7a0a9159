"""atan2 at the origin, where torch's second derivatives are nan."""

from __future__ import annotations

import pytest
import torch

import plugrad as pg


@pytest.mark.parametrize("at", [(0.0, 0.0), (float("inf"), 1.0), (2.0, float("-inf"))])
def test_second_derivatives_are_0_where_the_first_are(at):
    x, y = (pg.Variable(torch.tensor([part]), requires_grad=True) for part in at)
    first = pg.grad(torch.atan2(x, y).sum(), (x, y), create_graph=True)
    assert [g.item() for g in first] == [0, 0]
    for g in first:
        for second in pg.grad(g.sum(), (x, y), retain_graph=True):
            assert second.item() == 0


def test_near_the_origin_they_are_torchs():
    found = []
    for make, grad in (
        (lambda t: t.requires_grad_(), torch.autograd.grad),
        (lambda t: pg.Variable(t, requires_grad=True), pg.grad),
    ):
        x, y = (make(torch.tensor([part, 1e-3], dtype=torch.float64)) for part in (1e-8, -1e-8))
        first = grad(torch.atan2(x, y).sum(), (x, y), create_graph=True)
        second = grad((first[0] + 2 * first[1]).sum(), (x, y))
        found.append([torch.as_tensor(t).detach() for t in (*(g.data for g in first), *second)])
    for expected, ours in zip(*found, strict=True):
        torch.testing.assert_close(ours, expected)
