"""check_own_slope: gradients that are wrong for tiny or huge numbers, and forwards that look so."""

from __future__ import annotations

import pytest
import torch

import plugrad as pg
from plugrad import Sample
from plugrad.core import op
from plugrad.testing import check_op
from plugrad.testing.case import Case
from plugrad.testing.law import Violation
from plugrad.testing.laws.own_slope import check_own_slope
from plugrad.testing.op_under_test import OpUnderTest

X = torch.tensor([0.5, -1.0, 2.0], dtype=torch.float64)


def case_of(forward, slope, values=X, domain=None):
    """A sample of y = forward(x) with gx = gy slope(x)."""

    class Made(pg.Function):
        @staticmethod
        def forward(ctx, x):
            ctx.save_for_backward(x)
            return forward(x)

        @staticmethod
        def backward(ctx, gy):
            (x,) = ctx.saved_tensors
            return gy * slope(x)

    sample = Sample(values)
    if domain:
        sample.domain(domain)
    return Case(OpUnderTest.of(op("own_slope_test::made")(Made)), sample)


def judge(forward, slope, size, **facts):
    case = case_of(forward, slope, **facts)
    check_own_slope(case, [X * size], "there")


def far(slope, wrong):
    """``slope``, and ``wrong`` for numbers that are not about the sample's."""
    return lambda x: torch.where((x.abs() > 1e-4) & (x.abs() < 1e4), slope(x), wrong(x))


@pytest.mark.parametrize("size", [1e-12, 1e-6, 1e6])
def test_a_gradient_that_is_wrong_there_is_found(size):
    with pytest.raises(Violation, match="there: the gradient is not the slope of forward"):
        judge(torch.square, far(lambda x: 2 * x, lambda x: 3 * x), size)


@pytest.mark.parametrize("size", [1e-12, 1e-6, 1e6])
@pytest.mark.parametrize(
    ("forward", "slope"),
    [
        (torch.square, lambda x: 2 * x),
        (torch.sin, torch.cos),  # bends many times in a long step
        (lambda x: (1e3 * x).sin(), lambda x: 1e3 * (1e3 * x).cos()),  # in every step
        (torch.exp, torch.exp),  # overflows
        (torch.tanh, lambda x: 1 - x.tanh() ** 2),
        (lambda x: (1 + x) - 1, torch.ones_like),  # loses digits, but not all
        (lambda x: 1 + x * x, lambda x: 2 * x),  # rounding hides the slope
        (torch.relu, lambda x: (x > 0).double()),
        (torch.floor, torch.zeros_like),
        (lambda x: x.abs().sqrt(), lambda x: x.sign() / (2 * x.abs().sqrt())),
    ],
)
def test_a_right_gradient_is_never_blamed(forward, slope, size):
    judge(forward, slope, size)


def test_a_forward_that_has_lost_all_digits_is_found():
    with pytest.raises(Violation, match="forward does not change as its gradient says"):
        judge(lambda x: 1 - x.cos(), torch.sin, 1e-12)


def test_what_is_wrong_at_or_near_the_sample_is_left_to_other_laws():
    judge(torch.square, lambda x: 3 * x, 1e6)
    judge(torch.square, lambda x: 2 * x.clamp(-100, 100), 1e6)


def test_one_who_waives_numeric_is_not_asked_for_slopes():
    slope = far(lambda x: 2 * x, lambda x: 3 * x)

    def status_with(**facts):
        @pg.op("own_slope_test::square", **facts)
        class Square(pg.Function):
            @staticmethod
            def forward(ctx, x):
                ctx.save_for_backward(x)
                return x * x

            @staticmethod
            def backward(ctx, gy):
                (x,) = ctx.saved_tensors
                return gy * slope(x)

            @staticmethod
            def samples(make):
                yield Sample(make(3))

        return {r.status for r in check_op(Square, laws=["magnitudes"])}

    assert status_with(waives={"numeric": "on purpose"}) == {"passed"}
    assert status_with(surrogate="on purpose") == {"passed"}
    assert status_with() == {"failed"}


def test_a_kink_is_left_alone():
    case = case_of(torch.abs, torch.zeros_like)
    case.sample.at_kink()
    check_own_slope(case, [X * 1e6], "there")


def test_numbers_move_within_their_domain():
    square, seen = torch.diag(X.abs()), []

    def forward(x):
        seen.append(x)
        return 2 * x

    case = case_of(forward, lambda x: torch.full_like(x, 2), square, "spd")
    check_own_slope(case, [square * 1e6], "there")
    assert len(seen) >= 3
    assert all(torch.linalg.cholesky_ex(x).info == 0 for x in seen)


class Far(torch.autograd.Function):
    """x², whose gradient stops growing at 10000."""

    @staticmethod
    def forward(x):
        return x * x

    @staticmethod
    def setup_context(ctx, inputs, output):
        ctx.save_for_backward(*inputs)

    @staticmethod
    def backward(ctx, gy):
        (x,) = ctx.saved_tensors
        return 2 * gy * x.clamp(-1e4, 1e4)


@pytest.mark.parametrize(("domain", "status"), [("", "warning"), ("positive", "failed")])
def test_on_torch_a_domain_makes_it_a_failure(domain, status):
    report = check_op(Far, samples=[Sample(X.abs()).domain(domain)] if domain else [(X,)])
    found = [r for r in report if r.law == "magnitudes"]
    assert [r.status for r in found] == [status]
    assert "numbers of x up to 1e+06: the gradient is not the slope" in found[0].message
