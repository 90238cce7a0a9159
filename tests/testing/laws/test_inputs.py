"""The laws of other inputs, where the controls do not reach."""

from __future__ import annotations

import pytest
import torch

import plugrad as pg
from plugrad.testing import check_op
from plugrad.tests.testing.doubled import but, said


class Refusing(pg.Function):
    """y = x^2;  gx = 2 gy x, of real numbers: forward refuses all others."""

    taken = (torch.float32, torch.float64)

    @classmethod
    def check(cls, x):
        if x.dtype not in cls.taken:
            raise TypeError(f"{x.dtype} is not taken")

    @staticmethod
    def forward(ctx, x):
        Refusing.check(x)
        ctx.save_for_backward(x)
        return x * x

    @staticmethod
    def backward(ctx, gy):
        (x,) = ctx.saved_tensors
        return 2 * gy * x

    @staticmethod
    def samples(make):
        yield pg.Sample(make(3))


@pg.op("test::saying", dtypes=Refusing.taken)
class Saying(Refusing):
    """y = x^2;  gx = 2 gy x, of real numbers, as it declares."""


@pg.op("test::only_saying", dtypes=Refusing.taken)
class OnlySaying(Refusing):
    """y = x^2;  gx = 2 gy x, whatever it declares."""

    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x * x


def test_an_op_that_takes_no_complex_numbers_refuses_them_and_may_say_so():
    # What docs/tutorials/first-op.md says of dtypes=.
    statuses = {r.law: r.status for r in check_op(Refusing)}
    assert "failed" not in statuses.values()
    assert (statuses["complex"], statuses["dtypes"]) == ("not applicable",) * 2
    statuses = {r.law: r.status for r in check_op(Saying)}
    assert "failed" not in statuses.values()
    assert (statuses["complex"], statuses["dtypes"]) == ("not applicable", "passed")
    failed = {r.law: r.message for r in check_op(OnlySaying).failures}
    assert failed.keys() == {"complex", "dtypes"}
    assert failed["dtypes"] == (
        "torch.bfloat16 inputs are accepted, but the op declares dtypes= without them: raise an "
        "error for them in forward"
    )


class Pairs(torch.autograd.Function):
    """y = x[0::2] - x[1::2]: of one number torch broadcasts it with none, and backward raises."""

    @staticmethod
    def forward(ctx, x):
        return x[0::2] - x[1::2]

    @staticmethod
    def backward(ctx, gy):
        return torch.stack([gy, -gy], 1).reshape(-1)[: 2 * len(gy) or len(gy) // 0]


class EvenPairs(Pairs):
    """The same, which refuses what it has no pairs of."""

    @staticmethod
    def forward(ctx, x):
        if not len(x) or len(x) % 2:
            raise ValueError("an even number of elements is needed")
        return x[0::2] - x[1::2]


def sizes(function):
    """What the law says of it: the status and the message."""
    (result,) = check_op(function, samples=lambda make: [pg.Sample(make(4))], laws=["sizes"])
    return result.status, result.message


def test_a_gradient_that_raises_where_forward_does_not_is_named_with_the_size():
    x = torch.ones(1, requires_grad=True)
    with pytest.raises(ZeroDivisionError):  # no law is needed to see it
        Pairs.apply(x).sum().backward()
    status, message = sizes(Pairs)
    assert status == "warning"
    assert message.startswith("the gradient of inputs of size 0, which forward takes, raises Zero")
    assert message.endswith("; let backward take them, or forward refuse them")
    assert sizes(EvenPairs)[0] == "not applicable"


def doubled(x):
    """2x, in x's dtype."""
    return 2 * x


@pg.op("test::widened", reference=doubled)
class Widened(pg.Function):
    """y = 2x, in float64 where x is in float32;  gx = 2 gy."""

    @staticmethod
    def forward(ctx, x):
        return 2 * x.to(torch.promote_types(x.dtype, torch.float64))

    @staticmethod
    def backward(ctx, gy):
        return 2 * gy

    @staticmethod
    def samples(make):
        yield pg.Sample(make(3))


def test_another_dtype_than_the_references_is_found():
    (failure,) = check_op(Widened, laws=["dtypes"]).failures
    assert failure.message == (
        "torch.float32 inputs give [(torch.float64, torch.Size([3]))], "
        "the reference gives [(torch.float32, torch.Size([3]))]"
    )


def test_a_declared_dtype_is_taken():
    def forward(ctx, x):
        if x.dtype is torch.float32:
            raise TypeError("float32 is not taken")
        return 2 * x

    op = pg.op("test::not_taking", dtypes=Refusing.taken)(but(forward=forward))
    message = "torch.float32 inputs raise, but the op declares dtypes= that takes them"
    assert said(op, "dtypes") == ("failed", message)
