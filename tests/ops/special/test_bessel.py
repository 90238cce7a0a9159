"""Slopes of scaled Bessel functions in float16, where factors of their series are infinite."""

from __future__ import annotations

import pytest
import torch

import plugrad as pg


@pytest.mark.parametrize("function", [torch.special.i0e, torch.special.i1e])
def test_the_slope_far_out_in_half_precision(function):
    numbers = torch.tensor([-900.0, -31.0, 40.0, float("inf")])
    gradients = []
    for dtype in (torch.float16, torch.float64):
        x = pg.Variable(numbers.to(dtype), requires_grad=True)
        (gx,) = pg.grad(function(x).sum(), x, create_graph=True)
        (second,) = pg.grad(gx.sum(), x)
        assert gx.dtype is second.dtype is dtype
        gradients.append((gx.data.double(), second.data.double()))
    torch.testing.assert_close(*gradients, rtol=2e-3, atol=1e-7)
