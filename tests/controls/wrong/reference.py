"""reference: forward is off by a constant, which no derivative shows."""

from __future__ import annotations

import torch

import plugrad as pg
from plugrad import Sample


@pg.op("control::reference", reference=torch.sin)
class Wrong(pg.Function):
    """y = sin(x);  gx = gy cos(x)."""

    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x.sin() + 1e-3

    @staticmethod
    def backward(ctx, gy):
        (x,) = ctx.saved_tensors
        return gy * x.cos().conj()

    @staticmethod
    def samples(make):
        yield Sample(make(3))


MESSAGE = r"not what the reference gives: output 0"
ALSO = {
    "magnitudes": "it compares values with the reference's too",
    "sizes": "it compares values with the reference's too",
    "stretched": "it compares values with the reference's too",
}
