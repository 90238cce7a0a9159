"""A sample of a million elements."""

from __future__ import annotations

import torch

import plugrad as pg
from plugrad import Sample


@pg.op("control::million_elements", reference=torch.sin, elementwise=True)
class Awkward(pg.Function):
    """y = sin(x);  gx = gy cos(x)."""

    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x.sin()

    @staticmethod
    def backward(ctx, gy):
        (x,) = ctx.saved_tensors
        return gy * x.cos().conj()

    @staticmethod
    def samples(make):
        yield Sample(make(1000, 1000))
