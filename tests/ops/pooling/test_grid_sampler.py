"""A grid with nan: torch's backward kernel for images reads and writes other memory for it."""

from __future__ import annotations

import pytest
import torch

import plugrad as pg

KINDS = [(0, 1, torch.nan), (0, 2, torch.nan), (0, 2, torch.inf), (0, 2, -torch.inf)]


@pytest.mark.parametrize(("mode", "padding", "value"), KINDS)
@pytest.mark.parametrize("align", [False, True])
def test_a_point_that_is_not_finite_samples_the_first_element(mode, padding, value, align):
    data = torch.arange(1.0, 7.0, dtype=torch.float64).view(1, 1, 2, 3)
    x = pg.Variable(data, requires_grad=True)
    points = torch.full((1, 1, 1, 2), value, dtype=torch.float64)
    grid = pg.Variable(points, requires_grad=True)
    y = torch.grid_sampler_2d(x, grid, mode, padding, align)
    assert y.item() == data[0, 0, 0, 0]
    gx, ggrid = pg.grad(y.sum(), (x, grid))
    expected = torch.zeros_like(data)
    expected[0, 0, 0, 0] = 1.0
    assert torch.equal(gx.data, expected)
    assert torch.equal(ggrid.data, torch.zeros_like(points))
