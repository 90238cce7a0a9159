"""A backward that is on purpose not the derivative: one declaration, and no waiver."""

from __future__ import annotations

import pytest
import torch

import plugrad as pg
from plugrad import Sample
from plugrad.testing import LAWS, check_op, op_strength

FAST = [law.id for law in LAWS if not law.slow]


class Reversal(torch.autograd.Function):
    """y = x;  gx = -a gy."""

    @staticmethod
    def forward(ctx, x, a):
        ctx.a = a
        return x.view_as(x)

    @staticmethod
    def backward(ctx, gy):
        return -ctx.a * gy, None


def reversals(make):
    """A matrix, reversed by half."""
    return [Sample(make(3, 4), 0.5)]


def lower_bound(sign=-1, **declared):
    """max(x, b), whose gradient passes where a step would move x up to the bound."""

    @pg.op("lower_bound", **declared)
    class LowerBound(pg.Function):
        """y = max(x, b);  gx = gy where x >= b or gy < 0, else 0."""

        @staticmethod
        def forward(ctx, x, b):
            ctx.save_for_backward(x, b)
            return torch.max(x, b)

        @staticmethod
        def backward(ctx, gy):
            x, b = ctx.saved_tensors
            return gy * ((x >= b) | (sign * gy > 0)).to(gy.dtype), None

        @staticmethod
        def samples(make):
            yield Sample(make(6), make.tensor([0.1])).constant(1)

    return LowerBound


def bounded(x, b):
    """What has the gradient that LowerBound should have."""
    y = x.view_as(x)
    if y.requires_grad:
        y.register_hook(lambda gy: gy * ((x >= b) | (gy < 0)))
    return y


NOT_LINEAR = pg.surrogate("it moves x up to the bound", linear=False)


def failures(function, **told):
    return {r.law for r in check_op(function, laws=FAST, **told).failures}


@pytest.mark.parametrize("reason", [5, True, None, pg.surrogate(""), pg.surrogate(5)])
def test_a_surrogate_needs_a_reason(reason):
    with pytest.raises(pg.errors.OpDefinitionError, match="gives no reason\n.*\n  fix: say why"):
        lower_bound(surrogate=reason)


def test_a_reversal_fails_without_the_declaration_and_passes_with_it():
    assert {"oracle", "numeric"} <= failures(Reversal, samples=reversals)
    assert failures(Reversal, samples=reversals, surrogate="reversal") == set()


def test_the_surrogates_own_reference_judges_it():
    told = {"samples": reversals, "surrogate": "reversal"}
    assert failures(Reversal, **told, surrogate_reference=lambda x, a: -a * x) == set()
    report = check_op(
        Reversal, **told, surrogate_reference=lambda x, a: -1.1 * a * x, laws=["oracle"]
    )
    assert "not the gradient of surrogate_reference: gradient of x" in report.failures[0].message
    # That there is one says that there is a surrogate.
    assert failures(Reversal, samples=reversals, surrogate_reference=lambda x, a: -a * x) == set()


def test_one_that_is_not_linear_says_so():
    assert "linearity" in failures(lower_bound(surrogate="it moves x up to the bound"))
    assert failures(lower_bound(surrogate=NOT_LINEAR)) == set()
    right = lower_bound(surrogate=NOT_LINEAR, surrogate_reference=bounded)
    assert failures(right) == set()
    wrong = lower_bound(1, surrogate=NOT_LINEAR, surrogate_reference=bounded)
    assert "oracle" in failures(wrong)


def test_a_surrogate_that_is_the_derivative_is_told():
    def identity(make):
        return [Sample(make(3), -1.0)]

    report = check_op(Reversal, samples=identity, surrogate="reversal", laws=["waivers"])
    assert report.warnings[0].message.startswith(
        "backward is declared a surrogate (reversal), but it is the derivative at all samples: "
    )
    linear = pg.surrogate("reversal", linear=False)
    report = check_op(Reversal, samples=reversals, surrogate=linear, laws=["waivers"])
    assert "but it is linear in the cotangent" in report.warnings[0].message


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16])
def test_in_a_narrow_dtype_one_declaration_is_enough(dtype):
    def narrow(make):
        return [Sample(make(3, 4, dtype=dtype), 0.5)]

    report = check_op(
        Reversal,
        samples=narrow,
        surrogate="reversal",
        laws=["waivers", "kernel-numerics"],
    )
    assert not report.failures, report
    assert not report.warnings, report
    # What forward must equal says nothing of the gradient.
    report = check_op(
        Reversal,
        samples=narrow,
        surrogate="reversal",
        reference=lambda x, a: x.clone(),
        laws=["kernel-numerics"],
    )
    assert [r.status for r in report] == ["passed"], report


def test_a_reference_that_raises_is_told():
    def raising(x, a):
        raise ValueError("no")

    report = check_op(
        Reversal, samples=reversals, surrogate="r", surrogate_reference=raising, laws=["oracle"]
    )
    assert report.failures[0].message == "surrogate_reference= raises ValueError: no"


@pytest.mark.slow
def test_strength_works_on_the_rest():
    blind = op_strength(lower_bound(surrogate=NOT_LINEAR))
    assert blind.passed
    assert any("without surrogate_reference=" in r.message for r in blind)
    seeing = op_strength(lower_bound(surrogate=NOT_LINEAR, surrogate_reference=bounded))
    assert seeing.counts["caught"] > blind.counts["caught"] + 5


def test_where_inputs_tie_a_surrogate_is_no_slope_either():
    class RoundedSum(torch.autograd.Function):
        @staticmethod
        def forward(ctx, a, b):
            return (a + b).round()

        @staticmethod
        def backward(ctx, g):
            return g, g

    def samples(make):
        return [Sample(make(3), make(3)), Sample(make(2, 2), make(2, 2))]

    laws = ["ties", "no-nan"]
    assert check_op(RoundedSum, samples=samples, laws=laws).failures
    assert not check_op(
        RoundedSum, samples=samples, surrogate="straight through", laws=laws
    ).failures
