"""The law options: what it changes in a call, and what it leaves alone."""

from __future__ import annotations

import pytest
import torch

import plugrad as pg
from plugrad import Sample
from plugrad.testing import check_op


def op(forward_, backward_, *samples):
    class Op(pg.Function):
        forward = staticmethod(forward_)
        backward = staticmethod(backward_)

        @staticmethod
        def samples(make):
            for args, kwargs in samples:
                yield Sample(make(3, 2), *args, **kwargs)

    return Op


def said(target, **told):
    """What the law says of each sample of a target, which must keep or break nothing else."""
    report = check_op(target, laws=["options"], **told)
    return [r.message if r.status in ("failed", "warning") else r.status for r in report.results]


def sum_forward(ctx, x, dim=0, keepdim=True):
    ctx.shape, ctx.dim, ctx.keepdim = x.shape, dim, keepdim
    return x.sum(dim, keepdim)


def sum_backward(ctx, g):
    return (g if ctx.keepdim else g.unsqueeze(ctx.dim)).expand(ctx.shape)


def sum_backward_of_dim_0(ctx, g):
    """As if it had been summed over dim 0, whatever dim says."""
    kept = g.flatten()[: ctx.shape[1]]
    return kept.unsqueeze(0).expand(ctx.shape)


def test_another_dimension_is_tried():
    right = op(sum_forward, sum_backward, ((), {}))
    assert said(right) == ["passed"]
    wrong = op(sum_forward, sum_backward_of_dim_0, ((), {}))
    (message,) = said(wrong)
    assert message.startswith("with dim = 1 in place of 0: not the slope of forward")
    assert message.endswith("add a sample with another dim")


def test_a_value_that_a_sample_has_is_left_to_the_other_laws():
    wrong = op(sum_forward, sum_backward_of_dim_0, ((), {"keepdim": False}), ((1,), {}))
    assert said(wrong) == ["not applicable", "not applicable"]


def scaled(rule):
    def forward(ctx, x, *, scale=2.0, squared=False, reduction="sum"):
        ctx.save_for_backward(x)
        ctx.options = scale, squared, reduction
        y = scale * (x * x if squared else x)
        return y if reduction == "none" else getattr(y, reduction)()

    def backward(ctx, g):
        (x,) = ctx.saved_tensors
        return rule(g, x, *ctx.options)

    return op(forward, backward, ((), {}))


def right(g, x, scale, squared, reduction):
    y = g * scale * (2 * x if squared else 1 + 0 * x)
    return y / x.numel() if reduction == "mean" else y


WRONG = {
    "scale": lambda g, x, s, q, r: right(g, x, 2.0, q, r),
    "squared": lambda g, x, s, q, r: right(g, x, s, False, r),
    "reduction": lambda g, x, s, q, r: right(g, x, s, q, "sum"),
}


def test_defaults_and_keywords_are_tried_too():
    assert said(scaled(right)) == ["passed"]


@pytest.mark.parametrize("name", WRONG)
def test_an_option_that_backward_ignores_is_found(name):
    (message,) = said(scaled(WRONG[name]))
    assert message.startswith(f"with {name} = ")


def test_what_is_wrong_anyway_is_not_told_again():
    wrong = scaled(lambda g, x, *_: g * 3 + 0 * x)
    assert said(wrong) == ["not applicable"]
    assert "options" not in {f.law for f in check_op(wrong).failures}


def test_what_forward_refuses_is_no_fault():
    def forward(ctx, x, p=0.5):
        if p != 0.5:
            raise ValueError("only a half")
        return x * p

    assert said(op(forward, lambda ctx, g: g * 0.5, ((), {}))) == ["not applicable"]


def test_a_torch_function_may_be_told_what_to_differentiate():
    class Product(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x, factor, needs_gradient):
            ctx.factor, ctx.needed = factor, needs_gradient
            return x * factor

        @staticmethod
        def backward(ctx, g):
            return g * ctx.factor if ctx.needed else None, None, None

    class Forgetful(Product):
        @staticmethod
        def backward(ctx, g):
            return g * 3.0, None, None

    def samples(make):
        return [(make(3), 3.0, True)]

    assert said(Product, samples=samples) == ["passed"]
    (message,) = said(Forgetful, samples=samples)  # its samples claim nothing about other factors
    assert check_op(Forgetful, laws=["options"], samples=samples).passed
    assert message.startswith("with factor = 3.75 in place of 3.0")
