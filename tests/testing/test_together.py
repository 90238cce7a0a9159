"""together: several calls differentiated in one run give what each gives alone."""

from __future__ import annotations

import pytest
import torch

import plugrad as pg
from plugrad import Sample
from plugrad.testing.case import Case
from plugrad.testing.op_under_test import OpUnderTest
from plugrad.testing.together import as_rows, oracle_vjps, vjps
from plugrad.testing.torch_target import TorchTarget

X = torch.tensor([0.5, 1.0, 2.0], dtype=torch.float64)
Y = torch.tensor([[1.0, -2.0, 0.25], [3.0, 0.5, -1.0]], dtype=torch.float64)
FACTORS = (1.0, -2.0, 10.0)


class Cube(torch.autograd.Function):
    """y = x x x."""

    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x * x * x

    @staticmethod
    def backward(ctx, gy):
        (x,) = ctx.saved_tensors
        return 3 * gy * x * x


class Picky(pg.Function):
    """y = x; its backward refuses negative numbers."""

    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x.clone()

    @staticmethod
    def backward(ctx, gy):
        if bool((ctx.saved_tensors[0] < 0).any()):
            raise ValueError("negative")
        return gy


def plugrads(*args, op="mul"):
    return Case(OpUnderTest.of(op), Sample(*args))


CASES = {
    "plugrad": lambda: plugrads(X, Y),
    "an integer input": lambda: plugrads(X, 0, torch.tensor([2, 0]), op="index_select"),
    "torch": lambda: Case(TorchTarget(Cube, lambda make: []), Sample(X)),
}


def calls_of(case):
    scaled = [[t * f if t.is_floating_point() else t for t in case.values] for f in FACTORS]
    return [case.call(values) for values in scaled]


@pytest.mark.parametrize("kind", CASES)
def test_several_give_what_each_gives_alone(kind):
    case = CASES[kind]()
    calls = calls_of(case)
    cotangents = [call.cotangents(salt) for salt, call in enumerate(calls)]
    found = vjps(calls, cotangents)
    for call, own, c in zip(calls, found, cotangents, strict=True):
        for got, expected in zip(own, call.vjp(c), strict=True):
            assert (got is None) == (expected is None)
            assert got is None or torch.equal(got, expected)


@pytest.mark.parametrize("kind", ["plugrad", "torch"])
def test_with_a_graph_they_can_be_differentiated_again(kind):
    case = CASES[kind]()
    engine, calls = case.op.engine, calls_of(case)
    ones = [[engine.leaf(torch.ones_like(engine.raw(r))) for r in call.roots] for call in calls]
    found = vjps(calls, ones, create_graph=True)
    for call, own, c in zip(calls, found, ones, strict=True):
        assert all(engine.is_tracked(g) for g in own)
        expected = call.vjp(c, create_graph=True)
        for got, alone in zip(own, expected, strict=True):
            again = engine.grad([got], [torch.ones_like(engine.raw(got))], call.variables)
            theirs = engine.grad([alone], [torch.ones_like(engine.raw(alone))], call.variables)
            for a, b in zip(again, theirs, strict=True):
                assert (a is None and b is None) or torch.equal(a, b)


def test_one_that_raises_leaves_each_to_be_asked_alone():
    case = plugrads(X, op=Picky)
    calls = calls_of(case)
    assert vjps(calls, [call.cotangents() for call in calls]) is None
    assert vjps(calls[:1], [calls[0].cotangents()]) is not None


def test_random_numbers_are_drawn_for_each_alone():
    case = plugrads(X / 4, op="bernoulli")
    assert case.draws
    assert vjps([case.call()], [[torch.ones(3).double()]]) is None


def test_none_give_none():
    assert vjps([], []) == oracle_vjps([], []) == []


def test_torchs_calls_too():
    case = plugrads(X, Y)
    calls = [case.oracle.call([f * t for t in case.values]) for f in FACTORS]
    cotangents = [[torch.full_like(Y, f)] for f in FACTORS]
    found = oracle_vjps(calls, cotangents)
    for own, f in zip(found, FACTORS, strict=True):
        assert torch.allclose(own[0], (f * f * Y).sum(0))
        assert torch.allclose(own[1], (f * f * X).expand(2, 3))


# --- as the rows of one call -----------------------------------------------------------

PLACES = {
    "an elementwise op of two shapes": lambda: plugrads(X, Y),
    "one along the last dimension": lambda: plugrads(Y, -1, op="nn.functional.softmax"),
    "a sum along it": lambda: plugrads(Y, -1, op="sum"),
    "torch's Function": CASES["torch"],
}


def scaled(case):
    return [[t * f for t in case.values] for f in FACTORS]


@pytest.mark.parametrize("place", PLACES)
def test_each_row_is_what_a_call_of_its_own_gives(place):
    case = PLACES[place]()
    rows = as_rows(case, scaled(case))
    assert (rows.count, rows.asked) == (5, 3)
    assert not case.shared.mixes_rows
    outputs, gradients = rows.call.tensors[0], rows.call.vjp(rows.cotangents())
    assert rows.are_apart(gradients)
    for n, values in enumerate(scaled(case)):
        alone = case.call(values)
        assert torch.allclose(outputs[n], alone.tensors[0])
        for i, expected in enumerate(alone.vjp([torch.ones_like(alone.tensors[0])])):
            assert torch.allclose(gradients[i][n].sum_to_size(expected.shape), expected)


@pytest.mark.parametrize(
    "case",
    [
        plugrads(Y, 0, op="nn.functional.softmax"),
        plugrads(Y, op="sum"),
        plugrads(Y + 0j, [1], 0, 4, op="fft_c2r"),
        plugrads(Y, Y[:, 0], op="mv"),
        plugrads(X, 0, torch.tensor([2, 0]), op="index_select"),
        plugrads(torch.zeros(0, 3).double(), X),
        plugrads(X / 4, op="bernoulli"),
    ],
    ids=[
        "another dimension",
        "all",
        "a size",
        "other shapes",
        "an index",
        "no elements",
        "random numbers",
    ],
)
def test_others_are_called_one_by_one(case):
    assert as_rows(case, [case.values, case.values]) is None


def by_the_largest(x):
    """x x, in another formula if some number is large."""
    return x.square() if x.abs().max() < 5 else (2 * x.abs().log()).exp()


class ForwardLooks(Cube):
    """Its forward looks at all numbers."""

    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x * by_the_largest(x)


class BackwardLooks(Cube):
    """Its backward does."""

    @staticmethod
    def backward(ctx, gy):
        (x,) = ctx.saved_tensors
        return 3 * gy * by_the_largest(x)


@pytest.mark.parametrize("function", [ForwardLooks, BackwardLooks])
def test_a_row_that_decides_how_others_are_computed_is_seen(function):
    x = torch.linspace(0.1, 3.0, 12, dtype=torch.float64)
    case = Case(TorchTarget(function, lambda make: []), Sample(x))
    rows = as_rows(case, [[x * 100]])
    assert rows is None or not rows.are_apart(rows.call.vjp(rows.cotangents()))
    case = Case(TorchTarget(function, lambda make: []), Sample(x))
    rows = as_rows(case, [[x * 1.5]])
    assert rows.are_apart(rows.call.vjp(rows.cotangents()))


def test_rows_that_are_finite():
    case = plugrads(X, op="log")
    rows = as_rows(case, [[X], [0 * X]])
    assert rows.finite(rows.call.tensors)[: rows.asked] == [True, False]
    assert all(rows.finite([None, torch.zeros(4)]))


def test_changes_of_both_signs_that_cancel_do_not_hide_that_rows_are_mixed():
    zeros = torch.zeros(2, 2).double()
    case = plugrads(zeros, 0, op="nn.functional.softmax")
    assert as_rows(case, [[zeros + 1e-6], [zeros - 1e-6]]) is None


def test_a_sample_that_is_the_same_along_each_dimension_hides_nothing():
    case = plugrads(torch.zeros(2, 2).double(), op="nn.functional.normalize")
    assert as_rows(case, [case.values]) is None
