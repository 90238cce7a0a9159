"""second-order-numeric: op and reference have the same wrong second derivative, none."""

from __future__ import annotations

import torch

import plugrad as pg
from plugrad import Sample


class Reference(torch.autograd.Function):
    """x², whose second derivative torch takes to be 0."""

    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x * x

    @staticmethod
    def backward(ctx, gy):
        (x,) = ctx.saved_tensors
        return 2 * gy * x.detach().conj()


def square(x):
    """x²."""
    return Reference.apply(x)


@pg.op("control::second_order_numeric", reference=square)
class Wrong(pg.Function):
    """y = x²;  gx = 2 gy x."""

    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x * x

    @staticmethod
    def backward(ctx, gy):
        (x,) = ctx.saved_tensors
        return 2 * gy * x.detach().conj()

    @staticmethod
    def samples(make):
        yield Sample(make(3))


MESSAGE = r"second|numeric|differences"
