"""captured: forward reads a weight that is no argument, and so gets no gradient."""

from __future__ import annotations

import torch

import plugrad as pg
from plugrad import Sample

weight = pg.Variable(torch.tensor(2.0), requires_grad=True)


@pg.op("control::captured")
class Wrong(pg.Function):
    """y = 2x, with a weight of 2;  gx = 2 gy."""

    @staticmethod
    def forward(ctx, x):
        return weight * x

    @staticmethod
    def backward(ctx, gy):
        return 2 * gy

    @staticmethod
    def samples(make):
        yield Sample(make(3))


MESSAGE = (
    r"forward reads a tensor that requires grad and is no argument, float32\[\], which gets no"
)
