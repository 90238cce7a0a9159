"""rows: several calls in one give what each gives alone."""

from __future__ import annotations

import pytest
import torch

import plugrad as pg
from plugrad import Sample
from plugrad.testing.case import Case
from plugrad.testing.op_under_test import OpUnderTest
from plugrad.testing.rows import Mapped, Stacked, as_rows, kinds_of_rows
from plugrad.testing.torch_target import TorchTarget
from plugrad.tests.testing.torch_functions import Cube

X = torch.tensor([0.5, 1.0, 2.0], dtype=torch.float64)
Y = torch.tensor([[1.0, -2.0, 0.25], [3.0, 0.5, -1.0]], dtype=torch.float64)
FACTORS = (1.0, -2.0, 10.0, 0.5, -0.5, 0.25, 3.0, -1.0)


def plugrads(*args, op="mul"):
    return Case(OpUnderTest.of(op), Sample(*args))


def torchs(*args, op=Cube):
    return Case(TorchTarget(op, lambda make: []), Sample(*args))


def scaled(case):
    return [[t * f if i in case.wanted else t for i, t in enumerate(case.values)] for f in FACTORS]


PLACES = {
    "an elementwise op of two shapes": lambda: plugrads(X, Y),
    "one along the last dimension": lambda: plugrads(Y, -1, op="nn.functional.softmax"),
    "one along the first": lambda: plugrads(Y, 0, op="nn.functional.softmax"),
    "a sum of all": lambda: plugrads(Y, op="sum"),
    "a size": lambda: plugrads(Y + 0j, [1], 0, 4, op="fft_c2r"),
    "other shapes": lambda: plugrads(Y, X, op="mv"),
    "an index": lambda: plugrads(X, 0, torch.tensor([2, 0]), op="index_select"),
    "no elements": lambda: plugrads(torch.zeros(0, 3).double(), X),
    "two outputs": lambda: plugrads(Y, 0, op="max"),
    "torch's Function": lambda: torchs(X),
}


@pytest.mark.parametrize("salt", [None, 0])
@pytest.mark.parametrize("place", PLACES)
def test_each_row_is_what_a_call_of_its_own_gives(place, salt):
    case = PLACES[place]()
    rows = as_rows(case, scaled(case), salt)
    assert (rows.count, rows.asked) == (10, 8)
    for n, values in enumerate(scaled(case)):
        alone = case.call(values)
        for got, expected in zip(rows.outputs, alone.tensors, strict=True):
            assert torch.allclose(got[n], expected)
        ones = [torch.ones_like(root.data) for root in alone.roots]
        given = ones if salt is None else [c[n] for c in rows.cotangents]
        for i, expected in enumerate(alone.vjp(given)):
            if expected is None:
                assert rows.gradients[i] is None
            else:
                assert torch.allclose(rows.gradients[i][n].sum_to_size(expected.shape), expected)


def test_what_is_not_differentiable_is_the_samples_in_each_row():
    case = plugrads(X, 0, torch.tensor([2, 0]), op="index_select")
    rows = as_rows(case, scaled(case))
    assert isinstance(rows, Mapped)
    assert [t.shape for t in rows.values] == [(10, 3), (2,)]


def test_the_oracle_of_all_rows():
    case = plugrads(Y, 0, op="nn.functional.softmax")
    rows = as_rows(case, scaled(case), salt=0)
    theirs = case.oracle.call([t.clone() for t in rows.values], rows.over)
    assert torch.allclose(theirs.values[0], rows.outputs[0])
    assert torch.allclose(theirs.vjp(rows.cotangents)[0], rows.gradients[0])


class Remembers(pg.Function):
    """y = x; ``size`` is an option that a batch may not have."""

    last = None

    @staticmethod
    def forward(ctx, x, size):
        Remembers.last = x
        return x.clone()

    @staticmethod
    def backward(ctx, gy):
        return gy, None


@pytest.mark.parametrize(
    "case",
    [
        plugrads(X / 4, op="bernoulli"),
        plugrads(Y.to_sparse(), op="to_dense"),
        plugrads(torch.tensor([1]), 2),
        plugrads(X, 3, op=Remembers),
        torchs(Y, 0, op=torch.softmax),
        torchs(Y, op=torch.sum),
        torchs(Y, X, op=torch.mv),
        torchs(X, 0, torch.tensor([2, 0]), op=torch.index_select),
        torchs(torch.zeros(0, 3).double()),
    ],
    ids=[
        "random numbers",
        "sparse",
        "nothing differentiable",
        "an op that is not built in",
        "torch: another dimension",
        "torch: all",
        "torch: other shapes",
        "torch: an index",
        "torch: no elements",
    ],
)
def test_others_are_called_one_by_one(case):
    assert as_rows(case, [case.values] * 8) is None
    assert kinds_of_rows(case) == []


def test_few_rows_are_worth_a_batch_that_the_op_takes_but_not_vmap():
    assert isinstance(as_rows(plugrads(Y, -1, op="nn.functional.softmax"), [[2 * Y]]), Stacked)
    case = plugrads(Y, 0, op="nn.functional.softmax")
    assert as_rows(case, [[2 * Y]]) is None
    assert isinstance(as_rows(case, [[2 * Y]] * 8), Mapped)


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
    assert as_rows(torchs(x, op=function), [[x * 100]]) is None
    assert as_rows(torchs(x, op=function), [[x * 1.5]]) is not None


def test_rows_that_are_finite():
    rows = as_rows(plugrads(X, op="log"), [[X], [0 * X]])
    assert rows.finite(rows.outputs)[: rows.asked] == [True, False]
    assert all(rows.finite([None, torch.zeros(4)]))


def test_changes_of_both_signs_that_cancel_do_not_hide_that_rows_are_mixed():
    zeros = torch.zeros(2, 2).double()
    case = torchs(zeros, 0, op=torch.softmax)
    assert as_rows(case, [[zeros + 1e-6], [zeros - 1e-6]]) is None


def test_a_sample_that_is_the_same_along_each_dimension_hides_nothing():
    case = torchs(torch.zeros(2, 2).double(), op=torch.nn.functional.normalize)
    assert as_rows(case, [case.values]) is None
