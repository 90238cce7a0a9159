"""Second derivatives that torch lacks, has wrong, or loses to overflow."""

from __future__ import annotations

import pytest
import torch
from torch.nn import functional as F  # noqa: N812 (as everybody calls it)

import plugrad as pg


def derivatives(function, values):
    """The first derivative of an elementwise function, and the second."""
    x = pg.Variable(values, requires_grad=True)
    (first,) = pg.grad(function(x).sum(), x, create_graph=True)
    (second,) = pg.grad(first.sum(), x)
    return first.data, second.data


def test_of_hardsigmoid():
    x = pg.Variable(torch.tensor([-4.0, -0.5, 0.25, 5.0]), requires_grad=True)
    (g,) = pg.grad(F.hardsigmoid(x.sin() * 4).sum(), x, create_graph=True)
    (h,) = pg.grad(g.sum(), x)
    # sin(x) 4 / 6 where the sine is inside: its second derivative is -sin(x) 4 / 6.
    inside = (x.data.sin() * 4).abs() < 3
    assert inside.any()
    assert not inside.all()
    torch.testing.assert_close(h.data, torch.where(inside, -x.data.sin() * 4 / 6, 0.0))


# torch: inf - inf, and so nan, from 355 on.
@pytest.mark.parametrize("function", [F.mish, lambda x: F.gelu(x, approximate="tanh")])
def test_of_a_large_number(function):
    first, second = derivatives(function, torch.tensor([-800.0, 800.0], dtype=torch.float64))
    assert first.tolist() == [0, 1]
    assert second.abs().max() < 1e-30


@pytest.mark.parametrize(
    "function",
    [F.gelu, lambda x: F.gelu(x, approximate="tanh"), F.silu, F.mish, F.softplus, F.logsigmoid],
    ids=["gelu", "gelu-tanh", "silu", "mish", "softplus", "logsigmoid"],
)
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32])
def test_no_step_of_it_leaves_the_range_of_a_narrow_dtype(function, dtype):
    values = torch.tensor([-6e4, -300.0, -3.0, 0.5, 300.0, 6e4], dtype=dtype)
    first, second = derivatives(function, values)
    exact_first, exact_second = derivatives(function, values.double())
    assert second.dtype is dtype
    torch.testing.assert_close(first.double(), exact_first, rtol=2e-2, atol=2e-2)
    torch.testing.assert_close(second.double(), exact_second, rtol=2e-2, atol=2e-2)


def test_of_prelu_at_zero_counts_it_to_where_x_is_not_positive_as_the_first_does():
    x = pg.Variable(torch.tensor([0.0]), requires_grad=True)
    weight = pg.Variable(torch.tensor([0.25]), requires_grad=True)
    (g,) = pg.grad(F.prelu(x, weight), x, torch.ones(1), create_graph=True)
    assert g.item() == 0.25
    (h,) = pg.grad(g, weight, torch.ones(1))
    assert h.item() == 1


def test_of_rrelu_in_training_is_by_the_slopes_that_were_drawn():
    values = torch.linspace(-2, 2, 9, dtype=torch.float64)
    x = pg.Variable(values, requires_grad=True)
    gy = pg.Variable(torch.ones_like(values), requires_grad=True)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        y = F.rrelu(x, training=True)
    (g,) = pg.grad(y, x, gy, create_graph=True)
    (slopes,) = pg.grad(g, gy, torch.ones_like(values))
    torch.testing.assert_close(slopes.data * values, y.data)


def test_of_softplus_at_nan_and_at_its_threshold():
    values = torch.tensor([torch.nan, 1.0, 19.0, 20.0, 21.0], dtype=torch.float64)
    t = values.clone().requires_grad_()
    (first,) = torch.autograd.grad(F.softplus(t).sum(), t, create_graph=True)
    (second,) = torch.autograd.grad(first.sum(), t)
    for found, expected in zip(derivatives(F.softplus, values), (first, second), strict=True):
        torch.testing.assert_close(found, expected.detach(), equal_nan=True)
