"""no-nan-twice: the rule guards its result, and its own derivative is 0 times inf at 0."""

from __future__ import annotations

import torch

import plugrad as pg
from plugrad import Sample


@pg.op("control::no_nan_twice")
class Wrong(pg.Function):
    """y = x |x|^(1/2) x;  gx = 5/2 gy |x|^(3/2), as 5/2 gy |x|² / |x|^(1/2) where x is not 0."""

    @staticmethod
    def forward(ctx, x):
        if x.is_complex():
            raise TypeError("real numbers only")
        ctx.save_for_backward(x)
        return x * x.abs().sqrt() * x.abs()

    @staticmethod
    def backward(ctx, gy):
        (x,) = ctx.saved_tensors
        size = x.abs()
        return torch.where(x != 0, 2.5 * gy * size * size / size.sqrt(), torch.zeros_like(gy))

    @staticmethod
    def samples(make):
        yield Sample(make.nonzero(3))
        yield Sample(make.tensor([0.0, 1.0])).without_oracle("it is nan at 0")


MESSAGE = r"the gradient is finite, but the second derivative in x is nan where it is 0"
