"""relu at 0, where ``torch.autograd.gradcheck`` fails it."""

from __future__ import annotations

import torch

import plugrad as pg
from plugrad import Sample


@pg.op("control::relu", reference=torch.relu, elementwise=True)
class Awkward(pg.Function):
    """y = max(x, 0);  gx = gy where x > 0, else 0."""

    @staticmethod
    def forward(ctx, x):
        y = torch.relu(x)
        ctx.save_for_backward(y)
        return y

    @staticmethod
    def backward(ctx, gy):
        (y,) = ctx.saved_tensors
        return gy * (y > 0)

    @staticmethod
    def samples(make):
        yield Sample(make.nonzero(3, 4))
        yield Sample(make.tensor([-1.0, 0.0, 2.0])).at_kink()
