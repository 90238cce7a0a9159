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


@pytest.mark.parametrize("space", [2, 3])
def test_an_infinite_cotangent_of_a_point_outside_changes_no_second_gradient(space):
    backward = pg.registry[f"grid_sampler_{space}d_backward"].function.apply
    make = torch.Generator().manual_seed(0)
    y = torch.rand(1, 1, *[2] * space, generator=make, dtype=torch.float64)
    grid = torch.full((1, *[1] * (space - 1), 2, space), 0.2, dtype=torch.float64)
    grid[..., 0, :] = 9.0
    x = torch.ones(1, 1, *[1] * (space - 1), 2, dtype=torch.float64)

    def second(x):
        points = pg.Variable(grid, requires_grad=True)
        _, v = backward(x, y, points, 0, 0, False, [True, True])
        (g,) = pg.grad(v.sum(), [points])
        return g.tolist()

    outside = x.clone()
    outside[..., 0] = torch.inf
    assert second(outside) == second(x)
