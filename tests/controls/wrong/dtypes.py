"""dtypes: it declares float64 alone and computes with any other just as well."""

from __future__ import annotations

import torch

import plugrad as pg
from plugrad import Sample


@pg.op("control::dtypes", dtypes=(torch.float64,))
class Wrong(pg.Function):
    """y = 2x;  gx = 2 gy."""

    @staticmethod
    def forward(ctx, x):
        return 2 * x

    @staticmethod
    def backward(ctx, gy):
        return 2 * gy

    @staticmethod
    def samples(make):
        yield Sample(make(3))


MESSAGE = r"torch\.float32 inputs are accepted"
