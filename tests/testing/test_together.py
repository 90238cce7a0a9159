"""together: several calls differentiated in one run give what each gives alone."""

from __future__ import annotations

import pytest
import torch

import plugrad as pg
from plugrad import Sample
from plugrad.testing.case import Case
from plugrad.testing.op_under_test import OpUnderTest
from plugrad.testing.together import oracle_vjps, vjps
from plugrad.testing.torch_target import TorchTarget
from plugrad.tests.testing.torch_functions import Cube

X = torch.tensor([0.5, 1.0, 2.0], dtype=torch.float64)
Y = torch.tensor([[1.0, -2.0, 0.25], [3.0, 0.5, -1.0]], dtype=torch.float64)
FACTORS = (1.0, -2.0, 10.0)


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
