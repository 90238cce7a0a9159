"""like_torch: which of several calls are what torch's are."""

from __future__ import annotations

import pytest
import torch

import plugrad as pg
from plugrad import Sample
from plugrad.core import op
from plugrad.testing import check_op
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


class Angle(torch.autograd.Function):
    """The angle between vectors, whose gradient is 0 where they are parallel: torch's is nan."""

    @staticmethod
    def forward(ctx, a, b):
        ctx.save_for_backward(a, b)
        cosine = (a * b).sum(-1) / (a.norm(dim=-1) * b.norm(dim=-1))
        return torch.acos(cosine.clamp(-1, 1))

    @staticmethod
    def backward(ctx, g):
        a, b = ctx.saved_tensors
        na, nb = a.norm(dim=-1, keepdim=True), b.norm(dim=-1, keepdim=True)
        cosine = (a * b).sum(-1, keepdim=True) / (na * nb)
        apart = 1 - cosine**2 > 1e-14
        slope = g[..., None] / torch.where(apart, 1 - cosine**2, 1).sqrt()
        of_a = slope * (cosine * a / na**2 - b / (na * nb))
        of_b = slope * (cosine * b / nb**2 - a / (na * nb))
        return torch.where(apart, of_a, 0), torch.where(apart, of_b, 0)


def test_where_torch_has_nan_a_number_is_not_held_against_it():
    def samples(make):
        return [Sample(make(3), make(3)), Sample(make(2, 4), make(2, 4))]

    report = check_op(Angle, samples=samples, laws=["sizes", "dimensions", "stretched"])
    assert not report.failures


def test_stacked_inputs_have_no_equal_elements():
    class Largest(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            ctx.shape = x.shape
            value, place = x.reshape(-1).max(0)
            ctx.save_for_backward(place)
            return value

        @staticmethod
        def backward(ctx, g):
            flat = g.new_zeros(ctx.shape.numel())
            return flat.scatter(0, ctx.saved_tensors[0][None], g[None]).view(ctx.shape)

    def samples(make):
        return [Sample(make.distinct(2, 4)), Sample(make.distinct(5))]

    assert not check_op(Largest, samples=samples, laws=["dimensions"]).failures


def test_stacked_labels_stay_labels():
    class Entropy(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x, label):
            ctx.save_for_backward(x, label)
            return x.sigmoid() ** label * (1 - x.sigmoid()) ** (1 - label)

        @staticmethod
        def backward(ctx, g):
            x, label = ctx.saved_tensors
            p = x.sigmoid()
            return g * p * (1 - p) * torch.where(label > 0.5, 1, -1), None

    def samples(make):
        yield Sample(make(5), make.tensor([0.0, 1.0, 1.0, 0.0, 1.0])).constant("label")

    report = check_op(Entropy, samples=samples, laws=["oracle", "dimensions"])
    assert [r.status for r in report] == ["passed", "passed"], report


def test_what_torch_sees_of_forward_may_depend_on_an_option():
    class Root(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x, closed):
            if closed:
                y = x.sqrt()
            else:  # torch sees a gradient of 0 here
                low, high = torch.zeros_like(x), torch.full_like(x, 8.0)
                for _ in range(60):
                    middle = (low + high) / 2
                    low = torch.where(middle**2 < x, middle, low)
                    high = torch.where(middle**2 < x, high, middle)
                y = (low + high) / 2 + 0 * x * x
            ctx.save_for_backward(y)
            return y

        @staticmethod
        def backward(ctx, g):
            return g / (2 * ctx.saved_tensors[0]), None

    def samples(make):
        x, y = make(3, domain="positive") + 1, make(4, domain="positive") + 1
        return [Sample(x, True), Sample(y, False)]

    laws = ["oracle", "sizes", "second-order"]
    assert not check_op(Root, samples=samples, laws=laws).failures
