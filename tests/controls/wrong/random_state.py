"""random-state: forward sets the seed of torch's generator, to draw the same numbers each time."""

from __future__ import annotations

import torch

import plugrad as pg
from plugrad import Sample


@pg.op("control::random_state", random=True)
class Wrong(pg.Function):
    """y = a x with a mask a that is drawn;  gx = a gy."""

    @staticmethod
    def forward(ctx, x):
        torch.manual_seed(0)
        mask = torch.rand(x.shape) < 0.5
        ctx.mark_non_differentiable(mask)
        ctx.save_for_backward(mask)
        return x * mask

    @staticmethod
    def backward(ctx, gy):
        return gy * ctx.saved_tensors[0]

    @staticmethod
    def samples(make):
        yield Sample(make(4))


MESSAGE = r"forward sets the state of torch's generator"
