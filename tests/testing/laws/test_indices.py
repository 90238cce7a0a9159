"""Indices that repeat and masks that are mixed, where the samples' do not and are not."""

from __future__ import annotations

import pytest
import torch

from plugrad import Sample
from plugrad.testing import check_op

X = torch.tensor([[0.5, -1, 2], [1.5, 0.25, -0.75], [3, -2, 1], [0.1, 0.2, 0.3]]).double()
ROWS = torch.tensor([2, 0, 3])
PLACES = torch.tensor([[0, 1, 2], [3, 2, 0]])  # no two of a column are the same
MASK = torch.ones(4, 3, dtype=torch.bool)


def function(forward, backward):
    """A torch Function of x and an index or mask, by its two formulas."""

    class Chosen(torch.autograd.Function):
        @staticmethod
        def forward(x, index):
            return forward(x, index)

        @staticmethod
        def setup_context(ctx, inputs, output):
            x, index = inputs
            ctx.save_for_backward(index)
            ctx.shape = x.shape

        @staticmethod
        def backward(ctx, gy):
            (index,) = ctx.saved_tensors
            return backward(gy, index, ctx.shape), None

    return Chosen


def verdict(target, *args, **waived):
    """What the law says of one sample."""
    sample = Sample(*args)
    for law, reason in waived.items():
        sample.waive(law, reason)
    (result,) = check_op(target, samples=[sample], laws=["indices"])
    return result.status, result.message


def rows(backward):
    return function(lambda x, index: x[index], backward)


def gathered(backward):
    return function(lambda x, index: x.gather(0, index), backward)


def masked(backward):
    return function(lambda x, mask: x.sin() * mask, backward)


def test_a_rule_that_writes_where_it_must_add_is_caught():
    wrong = rows(lambda gy, index, shape: gy.new_zeros(shape).index_copy(0, index, gy))
    status, message = verdict(wrong, X, ROWS)
    assert (status, message) == (
        "failed",
        "where index repeats, the slope of output element 0 in x element 0 is 1, the gradient 0",
    )


def test_a_rule_that_adds_passes():
    right = rows(lambda gy, index, shape: gy.new_zeros(shape).index_add(0, index, gy))
    assert verdict(right, X, ROWS) == ("passed", "")


def test_an_index_repeats_along_each_of_its_dimensions():
    wrong = gathered(lambda gy, index, shape: gy.new_zeros(shape).scatter(0, index, gy))
    status, message = verdict(wrong, X, PLACES)
    assert status == "failed"
    assert message.startswith("where index repeats, the slope of output element 0 in x element 0")
    right = gathered(lambda gy, index, shape: gy.new_zeros(shape).scatter_add(0, index, gy))
    assert verdict(right, X, PLACES) == ("passed", "")


@pytest.mark.parametrize("mask", [MASK, ~MASK])
def test_a_rule_that_forgets_a_mask_is_caught(mask):
    """The slope of sin at 0 is 1, so a mask of zeros shows nothing of it either."""
    x = torch.zeros(4, 3, dtype=torch.float64)
    forgets = masked(lambda gy, mask, shape: gy * mask.flatten()[0])
    status, message = verdict(forgets, x, mask)
    assert status == "failed"
    assert message.startswith("with a mixed index, the slope of output element")
    assert verdict(masked(lambda gy, mask, shape: gy * mask), x, mask) == ("passed", "")


def test_a_mask_that_is_mixed_already_is_left():
    """The other laws see such a sample."""
    status, message = verdict(masked(lambda gy, mask, shape: gy * mask), X * 0, X > 0)
    assert status == "not applicable"
    assert message == "no index can repeat here, and no mask is the same in all places"


@pytest.mark.parametrize("index", [torch.tensor([1, 1, 1]), torch.tensor([2])])
def test_an_index_that_repeats_already_or_cannot_is_left(index):
    right = rows(lambda gy, index, shape: gy.new_zeros(shape).index_add(0, index, gy))
    assert verdict(right, X, index)[0] == "not applicable"


def test_an_op_that_refuses_indices_that_repeat_is_right():
    def forward(x, index):
        if len(set(index.tolist())) < len(index):
            raise ValueError("the indices must be different")
        return x[index]

    distinct = function(
        forward, lambda gy, index, shape: gy.new_zeros(shape).index_copy(0, index, gy)
    )
    assert verdict(distinct, X, ROWS)[0] == "not applicable"


def test_what_the_reference_takes_for_the_gradient_passes():
    """In torch's scatter all that were written to a place get its gradient; the last one counts."""

    def scatter(x, index, src):
        return x.scatter(0, index, src)

    told = {"samples": [Sample(X, PLACES, torch.ones_like(X[:2]))], "laws": ["indices"]}
    (alone,) = check_op(scatter, **told)
    assert alone.message == (
        "where index repeats, the slope of output element 0 in src element 0 is 0, the gradient 1"
    )
    (beside_torch,) = check_op(scatter, reference=lambda *args: scatter(*args), **told)
    assert beside_torch.status == "passed"


def test_a_gradient_that_is_no_slope_by_declaration_is_not_judged():
    wrong = rows(lambda gy, index, shape: gy.new_zeros(shape).index_copy(0, index, gy))
    status, message = verdict(wrong, X, ROWS, numeric="a straight-through estimate")
    assert status == "not applicable"
    assert message == "the gradient is not the slope, as the op says"


def test_a_backward_that_refuses_other_indices_is_right():
    def sums(x, starts):
        ends = torch.cat([x.new_zeros(1), x.cumsum(0)])
        return ends[starts[1:]] - ends[starts[:-1]]

    def backward(gy, starts, shape):
        return gy.repeat_interleave(starts.diff()).reshape(shape)  # the last one is the end

    assert verdict(function(sums, backward), X.flatten(), torch.tensor([0, 2, 3, 12]))[0] == (
        "not applicable"
    )
