"""conj-view: forward looks at real and imaginary parts as they lie in memory."""

from __future__ import annotations

import torch

import plugrad as pg
from plugrad import Sample


def squared_magnitude(x):
    """|x|²."""
    return (x * x.conj()).real


@pg.op(
    "control::conj_view", reference=squared_magnitude, dtypes=(torch.complex128, torch.complex64)
)
class Wrong(pg.Function):
    """y = |x|²;  gx = 2 gy x."""

    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return torch.view_as_real(x).square().sum(-1)

    @staticmethod
    def backward(ctx, gy):
        (x,) = ctx.saved_tensors
        return 2 * gy * x

    @staticmethod
    def samples(make):
        yield Sample(make.complex(3))


MESSAGE = r"view_as_real"
