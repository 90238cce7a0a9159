"""steady_call: which calls are differentiated for several laws."""

from __future__ import annotations

import pytest
import torch

from plugrad import Sample
from plugrad.testing.case import Case
from plugrad.testing.op_under_test import OpUnderTest
from plugrad.testing.steady import steady_call
from plugrad.testing.torch_target import TorchTarget

X = torch.tensor([0.5, 1.0, 2.0], dtype=torch.float64)


class Square(torch.autograd.Function):
    """y = x x;  gx = 2 gy x."""

    @staticmethod
    def forward(ctx, x, power=2):
        ctx.save_for_backward(x)
        ctx.runs = 0
        return x**power

    @staticmethod
    def backward(ctx, gy):
        (x,) = ctx.saved_tensors
        return 2 * gy * x, None


class KeepsOnTheClass(Square):
    """What backward needs belongs to the last call."""

    @staticmethod
    def forward(ctx, x, power=2):
        KeepsOnTheClass.x = x.detach()
        return x**power

    @staticmethod
    def backward(ctx, gy):
        return 2 * gy * KeepsOnTheClass.x, None


class WritesToTheCotangent(Square):
    """Backward computes in place."""

    @staticmethod
    def backward(ctx, gy):
        (x,) = ctx.saved_tensors
        return gy.mul_(2) * x, None


class RunsOnce(Square):
    """Another backward gives something else."""

    @staticmethod
    def backward(ctx, gy):
        ctx.runs += 1
        (x,) = ctx.saved_tensors
        return 2 * gy * x * (ctx.runs == 1), None


def case_of(function):
    samples = [Sample(X), Sample(3 * X)]
    return Case(TorchTarget(function, samples), samples[0])


def test_what_nothing_disturbs_is_one_call_for_all():
    case = case_of(Square)
    assert steady_call(case) is steady_call(case)
    op = Case(OpUnderTest.of("mul"), Sample(X, X))
    assert steady_call(op) is steady_call(op)


@pytest.mark.parametrize("function", [KeepsOnTheClass, WritesToTheCotangent, RunsOnce])
def test_any_other_is_called_anew(function):
    case = case_of(function)
    assert case.steady is None
    assert steady_call(case) is not steady_call(case)


def test_random_numbers_are_drawn_anew():
    case = Case(OpUnderTest.of("bernoulli"), Sample(X / 4))
    assert case.steady is None
