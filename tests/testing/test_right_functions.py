"""Right Functions and ops of other kinds than ours: no law fails them; wrong ones fail once."""

from __future__ import annotations

import pytest
import torch
from torch.autograd.function import once_differentiable
from torch.nn import functional

from plugrad import Sample
from plugrad.testing import LAWS, check_op

FAST = [law.id for law in LAWS if not law.slow]


def judged(target, samples, **told):
    """What fails, and what is a warning: the laws, with the message of each."""
    report = check_op(target, samples=samples, laws=FAST, **told)
    failures = {r.law: r.message for r in report.failures}
    return failures, {r.law: r.message for r in report.warnings}


class Linear(torch.autograd.Function):
    """y = x w^T, in whose gradient rows are joined: of no elements torch cannot tell how many."""

    @staticmethod
    def forward(ctx, x, w):
        ctx.save_for_backward(x, w)
        return x @ w.mT

    @staticmethod
    def backward(ctx, gy):
        x, w = ctx.saved_tensors
        return gy @ w, gy.reshape(-1, gy.shape[-1]).mT @ x.reshape(-1, x.shape[-1])


def test_what_raises_for_no_elements_is_a_warning():
    failures, warnings = judged(Linear, lambda make: [Sample(make(2, 3, 4), make(5, 4))])
    assert failures == {}
    assert warnings["sizes"].startswith("the gradient of inputs of size 0, which forward takes")


class Segments(torch.autograd.Function):
    """The sums of the rows that begin at ``starts``."""

    @staticmethod
    def forward(ctx, x, starts):
        ctx.save_for_backward(starts)
        sums = torch.cat([x.new_zeros(1), x.cumsum(0)])
        return sums[starts[1:]] - sums[starts[:-1]]

    @staticmethod
    def backward(ctx, gy):
        (starts,) = ctx.saved_tensors
        return gy.repeat_interleave(starts.diff()), None


def test_no_layout_changes_places():
    samples = [Sample(torch.rand(6, dtype=torch.float64), torch.tensor([0, 2, 3, 6]))]
    assert judged(Segments, samples)[0] == {}


class Once(torch.autograd.Function):
    """y = x^2, which says that it is not differentiated twice."""

    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x * x

    @staticmethod
    @once_differentiable
    def backward(ctx, gy):
        (x,) = ctx.saved_tensors
        return 2 * gy * x


@torch.library.custom_op("plugrad_tests::once", mutates_args=(), schema="(Tensor x) -> Tensor")
def once(x):
    """x^2, with the same rule."""
    return x * x


once.register_autograd(
    once_differentiable(lambda ctx, gy: 2 * gy * ctx.saved_tensors[0]),
    setup_context=lambda ctx, inputs, output: ctx.save_for_backward(*inputs),
)


@pytest.mark.parametrize(
    "target", [Once, Once.apply, once, torch.ops.plugrad_tests.once], ids=lambda t: str(t)[:20]
)
def test_a_backward_that_is_marked_is_a_warning_wherever_it_is(target):
    failures, warnings = judged(target, lambda make: [Sample(make(3, 4))])
    assert failures == {}
    assert "silently lacks its part" in warnings["once-differentiable"]


def test_the_apply_of_a_function_is_that_function():
    (first, *_) = check_op(Once.apply, samples=lambda make: [Sample(make(3))], laws=["runs"])
    assert first.op == f"{__name__}:Once"


def test_a_second_derivative_that_torch_refuses_loudly_is_a_warning():
    def squares(x):
        return functional.embedding_bag(torch.tensor([[0, 1], [2, 2]]), x) ** 2

    x = torch.rand(3, 4, requires_grad=True)
    (g,) = torch.autograd.grad(squares(x).sum(), x, create_graph=True)
    with pytest.raises(RuntimeError, match="not implemented"):
        g.sum().backward()
    failures, warnings = judged(squares, lambda make: [Sample(make(3, 4))])
    assert failures == {}
    assert warnings["second-order-numeric"].startswith("there is no second derivative, and it ")


class Inner(torch.autograd.Function):
    """y = sin(x), by a graph that forward builds and the first backward frees."""

    @staticmethod
    def forward(ctx, x):
        with torch.enable_grad():
            x = x.detach().requires_grad_()
            y = x.sin()
        ctx.save_for_backward(x, y)
        return y.detach()

    @staticmethod
    def backward(ctx, gy):
        x, y = ctx.saved_tensors
        return torch.autograd.grad(y, x, gy)[0]


def test_what_can_run_backward_once_fails_once():
    failures, _ = judged(Inner, lambda make: [Sample(make(3, 4))])
    assert failures.keys() == {"retain-graph", "once-differentiable"}
    assert "build it in backward, or pass retain_graph=True" in failures["retain-graph"]


class Spike(torch.autograd.Function):
    """A step at th, with the slope of an arctangent, which keeps what it computed."""

    @staticmethod
    def forward(ctx, v, th):
        ctx.save_for_backward(v - th)
        return (v > th).to(v.dtype)

    @staticmethod
    def backward(ctx, gy):
        (distance,) = ctx.saved_tensors
        return gy / (1 + (3.14 * distance) ** 2), None


def test_of_a_surrogate_no_second_derivative_is_asked():
    failures, _ = judged(Spike, lambda make: [Sample(make(3, 4), 0.5)], surrogate="a spike")
    assert failures == {}


class LowerBound(torch.autograd.Function):
    """max(x, b), whose gradient passes where a step would move x up to the bound."""

    @staticmethod
    def forward(ctx, x, b):
        ctx.save_for_backward(x, b)
        return torch.max(x, b)

    @staticmethod
    def backward(ctx, gy):
        x, b = ctx.saved_tensors
        return gy * ((x >= b) | (gy < 0)).to(gy.dtype), None


def test_a_surrogate_that_is_not_linear_is_one_failure():
    def samples(make, low=-2.0):
        return [Sample(make(6, low=low), make.tensor([0.1])).constant(1)]

    failures, _ = judged(LowerBound, samples, surrogate="the bound")
    assert failures.keys() == {"linearity"}
    # At these numbers it is the derivative: the samples are weak, not the Function wrong.
    failures, warnings = judged(LowerBound, lambda make: samples(make, 1.0), surrogate="the bound")
    assert failures == {}
    assert "it is the derivative at all samples: add one" in warnings["waivers"]
