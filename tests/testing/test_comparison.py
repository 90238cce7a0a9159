"""The comparison must see what is wrong: it is what every op is trusted by."""

from __future__ import annotations

import math

import pytest
import torch

import plugrad as pg
from plugrad.plugins.registered_op import RegisteredOp
from plugrad.testing import largest_difference
from plugrad.testing.comparison import difference


def entry(backward, forward=lambda x: x.sin(), samples=None):
    @pg.op("sine", reference=torch.sin)
    class Sine(pg.Function):
        @staticmethod
        def forward(ctx, x):
            ctx.save_for_backward(x)
            return forward(x)

        @staticmethod
        def samples(make):
            yield pg.Sample(make(3))

    Sine.backward = staticmethod(backward)
    return RegisteredOp.of(pg.op("sine", reference=torch.sin)(Sine), "test")


def right(ctx, gy):
    return gy * ctx.saved_tensors[0].cos()


def test_a_right_op_passes():
    assert largest_difference(entry(right)) < 1e-14


@pytest.mark.parametrize(
    ("backward", "at_least"),
    [
        (lambda ctx, gy: gy * ctx.saved_tensors[0].cos() * 1.001, 1e-4),
        (lambda ctx, gy: -gy * ctx.saved_tensors[0].cos(), 1),
        (lambda ctx, gy: None, math.inf),
        (lambda ctx, gy: (gy.float() * ctx.saved_tensors[0].cos().float()).double(), 1e-9),
    ],
)
def test_a_wrong_gradient_is_seen(backward, at_least):
    assert largest_difference(entry(backward)) >= at_least


def test_a_wrong_value_is_seen():
    assert largest_difference(entry(right, forward=lambda x: x.sin() * (1 + 1e-9))) > 1e-10


def test_a_gradient_detached_in_the_second_derivative_is_seen():
    def detached(ctx, gy):
        return gy * ctx.saved_tensors[0].detach().cos()

    assert largest_difference(entry(detached)) > 0.1


def test_differences():
    one = torch.ones(2)
    assert difference(one, one) == 0
    assert difference(one * 1.5, one) == 0.5
    assert difference(None, torch.zeros(2)) == 0
    assert difference(None, one) == math.inf
    assert difference(one, one.double()) == math.inf
    assert difference(one, torch.ones(1, 2)) == math.inf
    nan = torch.tensor([math.nan, 1.0])
    assert difference(nan, nan) == 0
    assert difference(one, nan) == math.inf
    infinite = torch.tensor([math.inf, 1.0])
    assert difference(-infinite, infinite) == math.inf
    assert difference(torch.ones(0), torch.ones(0)) == 0
