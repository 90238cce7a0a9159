"""Shared: results of a sample that several laws read, computed once."""

from __future__ import annotations

import pytest
import torch

import plugrad as pg
from plugrad import Sample
from plugrad.testing import check_op
from plugrad.testing.case import Case
from plugrad.testing.law import NotApplicable
from plugrad.testing.op_under_test import OpUnderTest
from plugrad.testing.shared import refuse_undifferentiable

X = torch.tensor([0.5, 1.0, 2.0], dtype=torch.float64)


class Counted(pg.Function):
    """y = x x;  gx = 2 gy x. It counts its calls, and gives back the same memory each time."""

    calls = 0
    memory = torch.zeros(3, dtype=torch.float64)

    @staticmethod
    def forward(ctx, x):
        Counted.calls += 1
        ctx.save_for_backward(x)
        return Counted.memory.copy_(x * x)

    @staticmethod
    def backward(ctx, gy):
        (x,) = ctx.saved_tensors
        return 2 * gy * x


def case(op, *args):
    return Case(OpUnderTest.of(op), Sample(*args))


def test_each_result_is_computed_once_and_is_a_copy():
    of = case(Counted, X)
    assert of.draws is False
    before = Counted.calls
    outputs, gradients = of.shared.outputs, of.shared.gradients
    assert Counted.calls == before + 2
    assert of.shared.outputs is outputs
    assert of.shared.gradients is gradients
    Counted.memory.zero_()
    assert torch.equal(outputs[0], X * X)
    (cotangent,) = of.shared.call.cotangents()
    assert torch.equal(gradients[0], 2 * cotangent * X)
    assert torch.equal(of.shared.slopes[0], 2 * X)


def test_cotangents_are_the_same_numbers_in_other_memory():
    of = case(Counted, X)
    (a,), (b,) = of.call().cotangents(), of.call().cotangents()
    assert torch.equal(a, b)
    a.zero_()
    assert torch.equal(of.call().cotangents()[0], b)
    assert not torch.equal(of.call().cotangents(1)[0], b)


def test_a_call_without_a_gradient_is_refused_by_the_reason():
    with pytest.raises(NotApplicable, match="no input is differentiable"):
        refuse_undifferentiable(Case(OpUnderTest.of(Counted), Sample(X).constant(0)))
    with pytest.raises(NotApplicable, match="differentiable=False"):
        refuse_undifferentiable(case("eq", X, X))


def test_a_nan_that_another_element_hides_is_found_in_what_is_not_elementwise():
    @pg.op("shared::normalized", elementwise=True)
    class Wrong(pg.Function):
        """y = x / |x|, of the whole;  gx is nan where all of x is 0, and y is not."""

        @staticmethod
        def forward(ctx, x):
            if x.is_complex():
                raise TypeError("real numbers only")
            ctx.save_for_backward(x)
            return x.norm().expand(x.shape).clone()

        @staticmethod
        def backward(ctx, gy):
            (x,) = ctx.saved_tensors
            return gy.sum() * x / x.norm()

        @staticmethod
        def samples(make):
            yield Sample(make.nonzero(12))

    failed = {r.law: r.message for r in check_op(Wrong).failures}
    assert "0.0 in all elements of x" in failed["no-nan"]
