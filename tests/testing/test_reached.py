"""Reached: the lines and conditions of an op's own code that run."""

from __future__ import annotations

import sys

import torch

import plugrad as pg
from plugrad.testing import check_op
from plugrad.testing.reached import Reached


class Branches(pg.Function):
    """y = |x| for a vector, else x."""

    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        if x.dim() == 1:
            return x.abs()
        if x.dim() > 7:
            raise ValueError("too many")
        return helped(x)

    @staticmethod
    def backward(ctx, gy):
        (x,) = ctx.saved_tensors
        if x.dim() != 1:
            return gy
        return torch.where(
            x > 0,
            gy,
            -gy,
        )

    @staticmethod
    def samples(make):
        yield pg.Sample(make(3, low=0.5))


def helped(x):
    if x.dim() == 5:
        x = x + 0
    return x * 1


def watched(*tensors):
    reached = Reached(Branches)
    with reached:
        for tensor in tensors:
            x = pg.Variable(tensor, requires_grad=True)
            Branches.apply(x).sum().backward()
    return reached


def texts(missed):
    return sorted(line.partition("(")[2].removesuffix(")") for line in missed)


def test_statements_that_never_ran_are_missed_but_for_raise():
    assert texts(watched(torch.ones(3)).missed_lines()) == [
        "if x.dim() == 5:",
        "if x.dim() > 7:",
        "return gy",
        "return helped(x)",
        "return x * 1",
        "x = x + 0",
    ]
    assert texts(watched(torch.ones(3), torch.ones(2, 2)).missed_lines()) == ["x = x + 0"]


def test_a_condition_is_seen_true_and_false():
    # The comparison and torch.where stand in two lines, and each is told.
    for told in watched(torch.ones(3)).one_sided_conditions():
        assert told.startswith("test_reached.py:")
        assert "is never false (" in told
    both = watched(torch.tensor([-1.0, 1.0]))
    assert both.has_conditions
    assert both.one_sided_conditions() == []


def test_no_condition_is_none():
    assert not watched(torch.ones(2, 2)).has_conditions


def test_a_trace_function_is_put_back():
    def trace(*_):
        return None

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        watched(torch.ones(3))
        assert sys.gettrace() is trace
    finally:
        sys.settrace(before)


def test_the_laws_say_where():
    report = check_op(Branches, laws=["lines", "branches"])
    first, second = (r.message for r in report)
    assert "test_reached.py:" in first
    assert "(return helped(x))" in first
    assert "is never false" in second


class Sine(pg.Elementwise):
    """Its slope has a branch; its forward, backward and jvp have code in plugrad."""

    @staticmethod
    def value(x):
        return x.sin()

    @staticmethod
    def slope(x, y):
        if x.dim() == 1:
            return torch.where(x > 0, x.cos(), x.cos())
        return x.cos()


def test_of_an_elementwise_the_value_and_the_slope_are_watched():
    reached = Reached(Sine)
    with reached:
        x = pg.Variable(torch.ones(3), requires_grad=True)
        Sine.apply(x).sum().backward()
    assert texts(reached.missed_lines()) == ["return x.cos()"]
    assert len(reached.one_sided_conditions()) == 1
