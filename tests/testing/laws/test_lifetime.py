"""The laws of lifetime, where the controls do not reach."""

from __future__ import annotations

from threading import local

import pytest

import plugrad as pg
from plugrad.testing import check_op


class OfThree(pg.Function):
    @staticmethod
    def samples(make):
        yield pg.Sample(make(3))


def forward_needs_its_thread(state):
    """y = 2x;  gx = 2 gy, where the 2 of forward is in the importing thread alone."""
    state.factor = 2

    class Doubled(OfThree):
        @staticmethod
        def forward(ctx, x):
            return state.factor * x

        @staticmethod
        def backward(ctx, gy):
            return 2 * gy

    return Doubled


def backward_needs_forwards_thread(state):
    """y = 2x;  gx = 2 gy, where forward leaves the 2 for the backward of its thread."""

    class Doubled(OfThree):
        @staticmethod
        def forward(ctx, x):
            state.factor = 2
            return 2 * x

        @staticmethod
        def backward(ctx, gy):
            return state.factor * gy

    return Doubled


@pytest.mark.parametrize("made", [forward_needs_its_thread, backward_needs_forwards_thread])
def test_state_of_one_thread_is_found_in_forward_and_in_backward(made):
    (failure,) = check_op(made(local()), laws=["threads"]).failures
    assert "has no attribute 'factor'" in failure.message
