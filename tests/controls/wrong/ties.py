"""ties: the rule has x > y and y > x, and nothing where they are equal, though z is smooth."""

from __future__ import annotations

import torch

import plugrad as pg
from plugrad import Sample


@pg.op("control::ties")
class Wrong(pg.Function):
    """z = log(exp x + exp y);  gx = gz s(x - y), gy = gz s(y - x), but 0 where x = y."""

    @staticmethod
    def forward(ctx, x, y):
        ctx.save_for_backward(x, y)
        return torch.maximum(x, y) + (-(x - y).abs()).exp().log1p()

    @staticmethod
    def backward(ctx, gz):
        x, y = ctx.saved_tensors
        apart = (x - y).sign().abs()
        return gz * (x - y).sigmoid() * apart, gz * (y - x).sigmoid() * apart

    @staticmethod
    def samples(make):
        yield Sample(make(4), make(4))


MESSAGE = r"where x = y the slope of output element 0 in x element 0 is 0\.5, the gradient 0"
