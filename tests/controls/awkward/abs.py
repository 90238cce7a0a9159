"""abs, with its kink at 0, and complex numbers."""

from __future__ import annotations

import torch

import plugrad as pg
from plugrad import Sample


@pg.op("control::abs", reference=torch.abs)
class Awkward(pg.Function):
    """y = |x|;  gx = gy sgn(x), which is 0 at 0."""

    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x.abs()

    @staticmethod
    def backward(ctx, gy):
        (x,) = ctx.saved_tensors
        return gy * x.sgn()

    @staticmethod
    def samples(make):
        yield Sample(make.nonzero(3, 4))
        yield Sample(make.complex(3))
        yield Sample(make.tensor([-1.0, 0.0, 2.0])).at_kink()
