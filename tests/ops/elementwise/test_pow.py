"""pow: derivatives of any order at the base 0, beside their limits, of which torch lacks many."""

from __future__ import annotations

from math import inf

import pytest
import torch

import plugrad as pg

LARGEST = torch.finfo(torch.float64).max  # stands for an infinite slope of what is 0

# d/dx d/dy ... x^y in the limit x -> 0 from above, e.g. by sympy.limit. At y = 0 torch's
# convention is kept: 0^y counts as constant.
AT_ZERO = {
    -1.0: {"x": -inf, "y": -inf, "xx": inf, "xy": inf, "yx": inf, "yy": inf},
    0.0: {"x": 0, "y": 0, "xx": 0, "xy": LARGEST, "yx": LARGEST, "yy": 0, "xxx": 0},
    0.5: {"x": inf, "y": 0, "xx": -inf, "xy": -inf, "yx": -inf, "yy": 0, "yxy": inf},
    1.0: {"x": 1, "y": 0, "xx": 0, "xy": -inf, "yx": -inf, "yy": 0, "yxx": inf, "yxy": inf},
    1.5: {"x": 0, "y": 0, "xx": inf, "xy": 0, "yx": 0, "yy": 0, "xxx": -inf, "yxx": -inf},
    2.0: {"x": 0, "y": 0, "xx": 2, "xy": 0, "yx": 0, "yy": 0, "xxx": 0, "xxy": -inf, "yyy": 0},
    2.5: {"x": 0, "xx": 0, "xy": 0, "yx": 0, "yy": 0, "xxx": inf, "xxy": 0, "xyy": 0, "yxy": 0},
    3.0: {"x": 0, "xx": 0, "xy": 0, "yx": 0, "yy": 0, "xxx": 6, "xxy": 0, "yxx": 0, "yyx": 0},
}
CASES = [(y, order, right) for y, table in AT_ZERO.items() for order, right in table.items()]


def variable(value: object) -> pg.Variable:
    return pg.Variable(torch.tensor(value, dtype=torch.float64), requires_grad=True)


def derivative(power, order, **variables):
    for name in order:
        (power,) = pg.grad(power.sum(), [variables[name]], create_graph=True)
    return power.tolist()


@pytest.mark.parametrize(("exponent", "order", "right"), CASES)
def test_tensor_to_a_tensor(exponent, order, right):
    x, y = variable([0.0, 0.0]), variable([exponent, exponent])
    assert derivative(x**y, order, x=x, y=y) == [right, right]
    x, y = variable(0.0), variable(exponent)
    assert derivative(x**y, order, x=x, y=y) == right
    x, y = variable(0.0), variable([exponent])
    assert derivative(torch.pow(x, y), order, x=x, y=y) in (right, [right])


@pytest.mark.parametrize(
    ("exponent", "order", "right"),
    [c for c in CASES if set(c[1]) == {"x"} and c[0] > len(c[1]) - 2],
)
def test_tensor_to_a_number(exponent, order, right):
    x = variable([0.0])
    assert derivative(x**exponent, order, x=x) == [right]
    if exponent == int(exponent):
        assert derivative(x ** int(exponent), order, x=x) == [right]


@pytest.mark.parametrize(("exponent", "order", "right"), [c for c in CASES if set(c[1]) == {"y"}])
@pytest.mark.parametrize("base", [0.0, 0])
def test_number_to_a_tensor(base, exponent, order, right):
    y = variable([exponent])
    assert derivative(base**y, order, y=y) == [right]


@pytest.mark.parametrize("order", ["xy", "yx"])
def test_the_mixed_derivative_at_exponent_0_is_1_over_x(order):
    x, y = variable([3.0]), variable([0.0])
    assert derivative(x**y, order, x=x, y=y) == [1 / 3]


def test_complex():
    x = pg.Variable(torch.tensor([0j], dtype=torch.complex128), requires_grad=True)
    y = pg.Variable(torch.tensor([2 + 1j], dtype=torch.complex128), requires_grad=True)
    gx, gy = pg.grad((x**y).real.sum(), [x, y], create_graph=True)
    assert gx.tolist() == gy.tolist() == [0]
    assert pg.grad(gy.real.sum(), y)[0].tolist() == [0]


@pytest.mark.parametrize("create_graph", [False, True])
def test_the_power_0_of_a_tiny_number_and_of_nan_is_constant(create_graph):
    """Its slope is 0 x^-1, where the second factor is not finite."""
    x = variable([1e-310, -1e-310, 5e-324, float("nan"), 0.0])
    y = variable([0.0] * 5)
    (gx,) = pg.grad((x**y).sum(), x, create_graph=create_graph)
    assert gx.tolist() == [0.0] * 5
    if create_graph:
        (gy,) = pg.grad(gx.sum(), y)
        assert gy.tolist() == [LARGEST, -LARGEST, LARGEST, 0.0, LARGEST]
