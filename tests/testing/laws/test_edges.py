"""The second derivative at edges, in one call with the special numbers of other laws."""

from __future__ import annotations

import pytest
import torch

from plugrad.core import Sample
from plugrad.testing.law import LAWS, Violation
from plugrad.testing.laws.edges import no_nan_twice
from plugrad.testing.laws.special_points import special_rows
from plugrad.testing.runner import Runner
from plugrad.testing.torch_target import TorchTarget


class Cusp(torch.autograd.Function):
    """|x - 1|^1.5: at 1 its gradient is 0, and its second derivative nan."""

    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return (x.detach() - 1).abs() ** 1.5  # torch alone has the same nan

    @staticmethod
    def backward(ctx, gy):
        (x,) = ctx.saved_tensors
        return gy * 1.5 * (x - 1).sign() * (x - 1).abs().sqrt()


def a_case():
    return Runner(TorchTarget(Cusp, lambda make: [Sample(make(3))])).case(0)


def test_the_special_numbers_are_rows_of_one_call():
    case = a_case()
    rows = special_rows(case)
    assert rows is not None
    assert special_rows(case) is rows


@pytest.mark.parametrize("before", [[], ["no-nan"]])
def test_a_row_is_named_by_its_number(before):
    case = a_case()
    for law in before:
        LAWS[law].check(case)
    with pytest.raises(Violation, match="^1 in all elements of x: the gradient is finite"):
        no_nan_twice(case)
