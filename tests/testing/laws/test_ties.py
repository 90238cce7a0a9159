"""Ties within one input: equal elements that move together."""

from __future__ import annotations

import pytest
import torch

from plugrad import Sample
from plugrad.testing import check_op

TIED = torch.tensor([[0.0, 1, 1, 0], [2.0, 1, 0, 3]], dtype=torch.float64)


def largest(share):
    """The maximum of each row, whose gradient ``share`` gives to those that are it."""

    class Largest(torch.autograd.Function):
        @staticmethod
        def forward(x):
            return x.amax(-1)

        @staticmethod
        def setup_context(ctx, inputs, output):
            ctx.save_for_backward(*inputs, output)

        @staticmethod
        def backward(ctx, gy):
            x, y = ctx.saved_tensors
            return gy.unsqueeze(-1) * share((x == y.unsqueeze(-1)).to(x.dtype))

    return Largest


def kinks(target, **told):
    """What the law says of the sample with ties."""
    sample = Sample(TIED).at_kink()
    for law, reason in told.items():
        sample.waive(law, reason)
    (result,) = check_op(target, samples=[sample], laws=["kinks"])
    return result.status, result.message


def test_each_of_two_maxima_cannot_have_the_whole_gradient():
    status, message = kinks(largest(lambda alike: alike))
    assert status == "failed"
    assert message.startswith(
        "where all elements of x that are 1 move together, output element 0 changes by 1 per step, "
        "and the gradient says 2: share it among them"
    )


@pytest.mark.parametrize(
    "target",
    [
        largest(lambda alike: alike / alike.sum(-1, keepdim=True)),
        largest(lambda alike: alike * (alike.cumsum(-1) == 1)),  # the first of them
        lambda x: x.amax(-1),
        lambda x: x.max(-1).values,
        lambda x: x.relu(),  # at 0 both sides of a kink
        lambda x: x.sign() + x.relu(),  # a jump
    ],
)
def test_what_is_shared_or_goes_to_one_is_right(target):
    assert kinks(target) == ("passed", "")


def test_who_waives_numeric_is_not_asked():
    assert kinks(largest(lambda alike: alike), numeric="as another library has it")[0] == "passed"
