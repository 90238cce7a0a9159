"""like_torch: which of several calls are what torch's are."""

from __future__ import annotations

import pytest
import torch

import plugrad as pg
from plugrad import Sample
from plugrad.core import op
from plugrad.testing.case import Case
from plugrad.testing.laws.like_torch import beside_oracle, like_oracle
from plugrad.testing.op_under_test import OpUnderTest

X = torch.tensor([0.5, 1.0, 2.0], dtype=torch.float64)
#: At the second of these the wrong op below is wrong, at the last nothing is finite.
FACTORS = (1.0, 100.0, -1.0, 1000.0)


@op("like_torch_test::wrong", reference=torch.exp, elementwise=True)
class WrongIfLarge(pg.Function):
    """y = exp(x), with a wrong gradient above 20."""

    @staticmethod
    def forward(ctx, x):
        y = x.exp()
        ctx.save_for_backward(x, y)
        return y

    @staticmethod
    def backward(ctx, gy):
        x, y = ctx.saved_tensors
        return gy * torch.where(x > 20, 1.001 * y, y)


@pytest.fixture
def case():
    return Case(OpUnderTest.of(WrongIfLarge), Sample(X))


def scaled(case):
    return [[f * t for t in case.values] for f in FACTORS]


def test_only_those_that_are_right_and_finite_are(case):
    pairs = [beside_oracle(case, values) for values in scaled(case)]
    assert like_oracle(case, [*pairs, None]) == [True, False, True, False, False]


def test_what_raises_has_nothing_beside_it(case):
    assert beside_oracle(case, [torch.zeros(3, dtype=torch.bool)]) is None
