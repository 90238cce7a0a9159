"""an_op: small ops for the tests of the checker, right but for what is asked."""

from __future__ import annotations

import torch

import plugrad as pg
from plugrad.testing.case import Case
from plugrad.testing.op_under_test import OpUnderTest


def right(x):
    return x.cos().conj()


def an_op(slope=right, forward=torch.sin, samples=None, name="Op"):
    """A Function y = forward(x) with gx = gy slope(x)."""

    def rule(ctx, gy):
        (x,) = ctx.saved_tensors
        return gy * slope(x)

    def run(ctx, x):
        ctx.save_for_backward(x)
        return forward(x)

    def two(make):
        yield pg.Sample(make(3))
        yield pg.Sample(make(2, 2))

    namespace = {"forward": run, "backward": rule, "samples": samples or two}
    static = {key: staticmethod(function) for key, function in namespace.items()}
    return type(name, (pg.Function,), static)


def a_case(*args, function=None, **kwargs):
    """The case of a call of ``function``, by default of a right sine."""
    return Case(OpUnderTest.of(function or an_op()), pg.Sample(*args, **kwargs))
