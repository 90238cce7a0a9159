"""prod and cumprod: derivatives beside zeros and infinities, and where products overflow."""

from __future__ import annotations

from math import inf, nan, prod

import pytest
import torch

import plugrad as pg

VALUES = [
    [0.0, 2.0, 3.0],
    [0.0, 0.0, 3.0, 2.0],
    [2.0, 0.0, 0.0, 0.0, 5.0],
    [inf, 2.0, 3.0],
    [2.0, -inf, 3.0, -1.0],
    [inf, inf, 2.0],
    [2.0, 0.0, inf, 4.0],
    [0.0, inf, 0.0],
    [inf, 5.0, 0.0],
    [3.0, inf, 5.0, 2.0, 0.0, 4.0],
    [1e200, 1e200, 2.0],
    [1e-200, 1e-200, 2.0],
    [1e-200, 1e-200, 1e300, 1e300],
    [nan, 2.0, 3.0],
    [-0.0, 2.0, -1.0, 3.0],
]
each = pytest.mark.parametrize("values", VALUES, ids=str)


def variable(values):
    return pg.Variable(torch.tensor(values, dtype=torch.float64), requires_grad=True)


def derivative_of_product(values, *indices):
    """The product of all others; 0 if one is named twice."""
    if len({*indices}) < len(indices):
        return 0.0
    return prod(v for i, v in enumerate(values) if i not in indices)


def agree(got, expected):
    torch.testing.assert_close(
        got, torch.tensor(expected, dtype=torch.float64), rtol=1e-12, atol=0, equal_nan=True
    )


def agree_where_defined(got, expected):
    """The same, but nothing is asked where a product of 0 and inf is left."""
    expected = torch.tensor(expected, dtype=torch.float64)
    agree(torch.where(expected.isnan(), nan, got), expected.tolist())


@each
def test_the_gradient_of_prod(values):
    x = variable(values)
    expected = [derivative_of_product(values, i) for i in range(len(values))]
    agree(pg.grad(x.prod(), x)[0].data, expected)
    agree(pg.grad(x.prod(0, keepdim=True).sum(), x)[0].data, expected)


@each
def test_the_hessian_of_prod(values):
    x, places = variable(values), range(len(values))
    (gx,) = pg.grad(x.prod(), x, create_graph=True)
    for i, g in enumerate(gx.unbind()):
        row = [derivative_of_product(values, i, j) for j in places]
        agree_where_defined(pg.grad(g, x, retain_graph=True)[0].data, row)


@pytest.mark.parametrize("values", [v for v in VALUES if 0 in v and inf not in v], ids=str)
def test_the_third_derivative_of_prod(values):
    x, places = variable(values), range(len(values))
    (gx,) = pg.grad(x.prod(), x, create_graph=True)
    (gx,) = pg.grad(gx[0], x, create_graph=True)
    for i, g in enumerate(gx.unbind()):
        row = [derivative_of_product(values, 0, i, j) for j in places]
        agree_where_defined(pg.grad(g, x, retain_graph=True)[0].data, row)


def test_a_row_that_nobody_asks_about():
    x = variable([[inf, 2.0], [3.0, 4.0]])
    assert pg.grad(x.prod(1)[1], x)[0].tolist() == [[0, 0], [4, 3]]
    assert pg.grad(x.cumprod(1)[1, 1], x)[0].tolist() == [[0, 0], [4, 3]]


@each
def test_the_gradient_of_cumprod(values):
    x = variable(values)
    for last, y in enumerate(x.cumprod(0).unbind()):
        head = values[: last + 1]
        expected = [derivative_of_product(head, i) for i in range(last + 1)]
        agree(pg.grad(y, x, retain_graph=True)[0].data, expected + [0.0] * (len(values) - last - 1))


@pytest.mark.parametrize("values", [v for v in VALUES if len(v) < 6], ids=str)
def test_the_hessian_of_cumprod(values):
    x, places = variable(values), range(len(values))
    (gx,) = pg.grad(x.cumprod(0)[-1], x, create_graph=True)
    for i, g in enumerate(gx.unbind()):
        row = [derivative_of_product(values, i, j) for j in places]
        agree_where_defined(pg.grad(g, x, retain_graph=True)[0].data, row)


@pytest.mark.parametrize("name", ["prod", "cumprod"])
def test_the_hessian_between_cotangent_and_input(name):
    # What the gradient depends on the cotangent with is the slope, infinite or not.
    x, c = variable([inf, 2.0, 3.0]), variable(0.0)
    (gx,) = pg.grad(getattr(x, name)(0).sum(), x, c, create_graph=True)
    assert gx.tolist() == [0, 0, 0]
    (gc,) = pg.grad(gx[0], c)
    assert gc.item() == (6 if name == "prod" else 9)
