"""cumprod where a cotangent is infinite, or overflows on its way back: a 0 in x outweighs it."""

from __future__ import annotations

from math import inf, nan

import pytest
import torch

import plugrad as pg
from plugrad.ops.reduction._recurrence import product_of_finite

CASES = [
    ([2.0, 0.0, 3.0, 0.0, 1.5], [1e200, 1.72, -1.22, 1.83, inf]),
    ([2.0, 0.0, 3.0, 0.0, 1.5], [1.0, inf, 2.0, 3.0, 4.0]),
    ([0.0, 2.0, 3.0], [1.0, 1.0, inf]),
    ([2.0, 0.0, 3.0], [1.0, 1.0, -inf]),
    ([2.0, 0.0, 4.0], [1.0, nan, 1.0]),
    ([2.0, 3.0, 4.0], [inf, 1.0, 1.0]),
    ([0.0, 2.0, 1e200], [0.5, 1.0, 1e200]),
    ([[2.0, 0.0, 3.0], [1.0, 2.0, 3.0]], [[1.0, 1.0, inf], [1.0, 1.0, 1.0]]),
]


@pytest.mark.parametrize(("x", "gy"), CASES)
def test_an_infinite_cotangent_is_torchs(x, gy):
    x, gy = (torch.tensor(t, dtype=torch.float64) for t in (x, gy))
    variable, tensor = pg.Variable(x.clone(), requires_grad=True), x.clone().requires_grad_()
    variable.cumprod(-1).backward(gy)
    tensor.cumprod(-1).backward(gy)
    torch.testing.assert_close(variable.grad.data, tensor.grad, equal_nan=True)


def test_a_product_of_finite_factors_has_a_gradient_at_zero():
    x, y = (
        pg.Variable(torch.tensor(t, dtype=torch.float64), requires_grad=True)
        for t in ([0.0, 3.0, 0.0, 2.0, inf], [5.0, 0.0, 0.0, 7.0, 0.0])
    )
    z = product_of_finite(x, y)
    assert z.tolist() == [0, 0, 0, 14, 0]
    gx, gy = pg.grad(z.sum(), [x, y])
    assert gx.tolist() == [5, 0, 0, 7, 0]
    assert gy.tolist() == [0, 3, 0, 2, inf]


def test_second_order_beside_an_infinite_cotangent():
    # y = [a, ab], gy = [1, inf] at b = 0: ga = 1 + inf b, gb = inf a.
    x = pg.Variable(torch.tensor([2.0, 0.0], dtype=torch.float64), requires_grad=True)
    gy = torch.tensor([1.0, inf], dtype=torch.float64)
    (gx,) = pg.grad(x.cumprod(0), x, gy, create_graph=True)
    assert gx.tolist() == [1, inf]
    (hx,) = pg.grad(gx[0], x)
    assert hx.tolist() == [0, inf]
