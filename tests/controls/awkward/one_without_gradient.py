"""None where an input has no slope: the factor is rounded down."""

from __future__ import annotations

import torch

import plugrad as pg
from plugrad import Sample


def times_whole(x, factor):
    """x times the whole part of factor."""
    return x * torch.floor(factor)


@pg.op("control::one_without_gradient", reference=times_whole)
class Awkward(pg.Function):
    """y = x floor(factor);  gx = gy floor(factor), and factor gets None."""

    @staticmethod
    def forward(ctx, x, factor):
        ctx.save_for_backward(factor)
        return x * torch.floor(factor)

    @staticmethod
    def backward(ctx, gy):
        (factor,) = ctx.saved_tensors
        return gy * pg.ops.floor(factor), None

    @staticmethod
    def samples(make):
        yield Sample(make(3), make(3) + 2.3)
        yield Sample(make(2, 2), make.tensor([[1.5, -0.5], [2.5, 0.5]]))
