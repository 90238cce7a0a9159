"""hypot at the origin, where torch's derivatives are nan."""

from __future__ import annotations

import torch

import plugrad as pg


def test_derivatives_at_the_origin_are_those_of_abs():
    x = pg.Variable(torch.tensor([0.0, -2.0]), requires_grad=True)
    for y in (x.abs(), torch.hypot(x, torch.zeros(2))):
        (first,) = pg.grad(y.sum(), x, create_graph=True)
        assert first.tolist() == [0, -1]
        if first.requires_grad:
            (second,) = pg.grad(first.sum(), x)
            assert second.tolist() == [0, 0]


def test_both_second_derivatives_at_the_origin_are_0():
    x, y = (pg.Variable(torch.zeros(2), requires_grad=True) for _ in range(2))
    first = pg.grad(torch.hypot(x, y).sum(), (x, y), create_graph=True)
    for g in first:
        for second in pg.grad(g.sum(), (x, y), retain_graph=True):
            assert second.tolist() == [0, 0]
