"""magnitudes: what decides which large numbers are tried, and which are compared."""

from __future__ import annotations

import time

import pytest
import torch

import plugrad as pg
from plugrad import Sample
from plugrad.core import op
from plugrad.testing.case import Case
from plugrad.testing.law import LAWS, Violation
from plugrad.testing.laws.scaled import Tried
from plugrad.testing.op_under_test import OpUnderTest

X = torch.tensor([0.5, 1.0, 2.0], dtype=torch.float64)


def an_op(name, slope, forward=torch.sin, reference=torch.sin):
    """y = forward(x) with gx = gy slope(x), compared with ``reference``."""

    class Made(pg.Function):
        @staticmethod
        def forward(ctx, x):
            ctx.save_for_backward(x)
            return forward(x)

        @staticmethod
        def backward(ctx, gy):
            (x,) = ctx.saved_tensors
            return gy * slope(x)

    return op(f"extremes_test::{name}", reference=reference)(Made)


def judge(function):
    LAWS["magnitudes"].check(Case(OpUnderTest.of(function), Sample(X)))


def off_by(errors):
    """The slope of a sine, wrong by a factor from each of these numbers on."""

    def slope(x):
        found = x.cos()
        for least, factor in errors.items():
            found = torch.where(x.abs().max() >= least, x.cos() * factor, found)
        return found

    return slope


def test_what_is_grossly_wrong_at_the_largest_numbers_is_found():
    with pytest.raises(Violation, match=r"numbers of x up to 1e\+06"):
        judge(an_op("wrong", off_by({1e4: 2.0})))


def test_digits_lost_at_small_numbers_excuse_nothing():
    with pytest.raises(Violation, match="numbers of x up to 10:"):
        judge(an_op("small", off_by({1e-13: 1 + 1e-6, 5.0: 2.0})))


def test_digits_lost_in_the_value_do_not_excuse_the_gradient():
    def rough(x):
        return x.sin() * (1 + 1e-5)

    with pytest.raises(Violation, match=r"numbers of x up to 10: gradient of x"):
        judge(an_op("rough", off_by({5.0: 2.0}), rough))


def busy(passes):
    for _ in range(passes):
        pass


def test_a_pause_before_the_largest_numbers_does_not_leave_them_out():
    paused = []

    def pausing(x):
        if x.max() == 1000 and not paused:
            paused.append(True)
            busy(500_000)
        return x.sin()

    with pytest.raises(Violation, match=r"numbers of x up to 1e\+06"):
        judge(an_op("pausing", off_by({1e4: 2.0}), pausing))
    assert paused


def test_a_busy_machine_leaves_out_nothing():
    def waiting(x):
        time.sleep(0.005)
        return x.sin()

    with pytest.raises(Violation, match=r"numbers of x up to 1e\+06"):
        judge(an_op("waiting", off_by({1e4: 2.0}), waiting))


def test_numbers_that_are_the_length_of_a_loop_end_where_it_would_take_too_long():
    seen = []

    def looped(x):
        seen.append(float(x.max()))
        busy(300 * int(seen[-1]))
        return x.sin()

    judge(an_op("looped", torch.cos, looped))
    assert max(seen) == 2000.0  # of the law stretched, whose numbers are tried in the same call


@pytest.mark.parametrize("where", ["forward", "backward"])
def test_calls_of_torch_tell_of_a_loop_where_the_time_deceives(where, monkeypatch):
    # As it does on a busy machine: with 1e6 a pack's op once ran for minutes.
    monkeypatch.setattr(Tried, "timed", lambda self, case: 1.0 + bool(self.call(case)))
    seen = []

    def looped(x):
        seen.append(int(x.max()))
        for _ in range(seen[-1]):
            x = x + 0
        return x

    steps = {"forward": lambda x: looped(x).sin(), "backward": torch.sin}
    slopes = {"forward": torch.cos, "backward": lambda x: looped(x).cos()}
    judge(an_op("counted", slopes[where], steps[where]))
    assert max(seen) in (1000, 2000)


@pytest.mark.parametrize("laws", [["magnitudes"], ["stretched", "magnitudes"]])
def test_a_reference_that_remembers_a_loop_does_not_hide_how_long_it_takes(laws):
    # Asked a second time it answers at once: 1e6 would look as cheap as its sine.
    seen = set()

    def remembered(x):
        largest = float(x.max())
        if largest not in seen:
            busy(300 * int(largest))
        seen.add(largest)
        return x.sin()

    case = Case(OpUnderTest.of(an_op("remembered", torch.cos, reference=remembered)), Sample(X))
    for law in laws:
        LAWS[law].check(case)
    assert max(seen) == (1000.0 if len(laws) == 1 else 2000.0)


def versine(x):
    return 2 * (x / 2).sin() ** 2


def test_tiny_results_are_compared_relative_to_their_own_size():
    with pytest.raises(Violation, match=r"numbers of x up to 1e-12: output 0"):
        judge(an_op("lost", torch.sin, lambda x: 1 - x.cos(), versine))


def test_a_tiny_gradient_is_compared_relative_to_its_own_size():
    slope = off_by({1e-13: 2.0, 1e-9: 1.0})
    with pytest.raises(Violation, match=r"numbers of x up to 1e-12: gradient of x"):
        judge(an_op("doubled", lambda x: 2 * x * slope(x) / x.cos(), torch.square, torch.square))


def test_a_reference_without_digits_there_is_no_judge():
    judge(an_op("exact", torch.sin, versine, lambda x: 1 - x.cos()))
    # Its values jump: 1 + x has 16 digits, and x has 4 of them.
    judge(an_op("log1p", lambda x: 1 / (1 + x), torch.log1p, lambda x: (1 + x).log()))
