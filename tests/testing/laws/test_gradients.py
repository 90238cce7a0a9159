"""The laws of gradients, where the controls do not reach."""

from __future__ import annotations

import torch

import plugrad as pg
from plugrad.testing import check_op
from plugrad.tests.testing.an_op import an_op
from plugrad.tests.testing.doubled import but, said


def rounding(changes):
    """y = x;  gx = gy, whose cotangent is rounded to float32 in place, or is not."""

    class Rounding(pg.Function):
        @staticmethod
        def forward(ctx, x):
            return x * 1

        @staticmethod
        def backward(ctx, gy):
            rounded = gy.to(torch.float32).to(gy.dtype)
            return gy.copy_(rounded) if changes else rounded

        @staticmethod
        def samples(make):
            yield pg.Sample(make(3))

    return Rounding


def test_purity_does_not_blame_float32_for_a_change_in_place():
    (failure,) = check_op(rounding(changes=True), laws=["purity"]).failures
    assert failure.message.startswith("backward changed it in place: cotangent 0")
    assert "cause" not in failure.message


def test_a_rule_in_float32_is_pure():
    assert check_op(rounding(changes=False), laws=["purity"]).passed


def test_no_cause_in_arithmetic_is_sought_for_an_input_changed_in_place():
    def forward(x):
        x.copy_(x.float())
        return x.sin()

    (failure, *_) = check_op(an_op(forward=forward), laws=["inputs-unchanged"]).failures
    assert failure.message.startswith("forward changed an input in place: x[")
    assert "cause" not in failure.message


def test_parts_of_one_buffer_that_do_not_meet_are_no_shared_memory():
    def product(overlap):
        class Product(torch.autograd.Function):
            @staticmethod
            def forward(ctx, a, b):
                ctx.save_for_backward(a, b)
                return a * b

            @staticmethod
            def backward(ctx, g):
                a, b = ctx.saved_tensors
                both = torch.cat([(g * b).flatten(), (g * a).flatten()])
                second = both[a.numel() - overlap :][: b.numel()]
                return both[: a.numel()].view_as(a), second.view_as(b)

        return Product

    def samples(make):
        return [pg.Sample(make(3), make(3)), pg.Sample(make(2, 2), make(2, 2))]

    assert check_op(product(0), samples=samples, laws=["gradient-memory"]).passed
    for failure in check_op(product(1), samples=samples, laws=["gradient-memory"]).failures:
        assert failure.message == "the gradient of b shares memory with the gradient of a"


def test_a_gradient_that_does_not_sum_to_the_input_is_refused_of_an_op_that_broadcasts():
    def of_two(ctx, gy):
        return 2 * gy[:2]

    op = pg.op("test::broadcasting", broadcasts=True)(but(backward=of_two))
    message = "the gradient of x has shape (2,), which is not a broadcast of (3,)"
    assert said(op, "gradient-form") == ("failed", message)
