"""The laws of complex numbers, where the controls do not reach."""

from __future__ import annotations

import torch

import plugrad as pg
from plugrad.tests.testing.doubled import said


class Doubled(torch.autograd.Function):
    """y = 2x;  gx = 2 gy, in torch."""

    @staticmethod
    def forward(ctx, x):
        return 2 * x

    @staticmethod
    def backward(ctx, gy):
        return 2 * gy


class OfMemory(Doubled):
    """The same, computed from the memory past the negative bit."""

    @staticmethod
    def forward(ctx, x):
        memory = x.new_empty(0).set_(x.untyped_storage(), x.storage_offset(), x.shape, x.stride())
        return 2 * memory


class Refusing(Doubled):
    """The same, which refuses a cotangent that is lazily negated."""

    @staticmethod
    def backward(ctx, gy):
        if gy.is_neg():
            raise RuntimeError("no negated views")
        return 2 * gy


def negated(function):
    """What neg-view says of the function."""
    return said(function, "neg-view", samples=lambda make: [pg.Sample(make(3))])


def test_a_view_that_a_function_of_torchs_does_not_know_is_a_warning():
    assert negated(Doubled) == ("passed", "")
    status, message = negated(OfMemory)
    assert status == "warning"
    assert message.startswith("a negated view as input changes the result: output 0[0]: ")
    assert negated(Refusing) == ("warning", "a view of this kind raises: no negated views")
