"""meta: forward goes through Python's numbers, which meta tensors do not have."""

from __future__ import annotations

import torch

import plugrad as pg
from plugrad import Sample


def double(x):
    """2x."""
    return 2 * x


@pg.op("control::meta", reference=double)
class Wrong(pg.Function):
    """y = 2x;  gx = 2 gy."""

    @staticmethod
    def forward(ctx, x):
        return 2 * torch.tensor(x.tolist(), dtype=x.dtype).reshape(x.shape)

    @staticmethod
    def backward(ctx, gy):
        return 2 * gy

    @staticmethod
    def samples(make):
        yield Sample(make(3))


MESSAGE = r"meta"
