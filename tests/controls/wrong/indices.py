"""indices: backward writes the rows of the gradient where it must add those of one index."""

from __future__ import annotations

import torch

import plugrad as pg
from plugrad import Sample


@pg.op("control::indices")
class Wrong(pg.Function):
    """y = x[rows];  gx is gy at the rows."""

    @staticmethod
    def forward(ctx, x, rows):
        ctx.save_for_backward(rows)
        ctx.shape = x.shape
        return x[rows]

    @staticmethod
    def backward(ctx, gy):
        (rows,) = ctx.saved_tensors
        return gy.new_zeros(ctx.shape).index_copy(0, rows, gy), None

    @staticmethod
    def samples(make):
        yield Sample(make(4, 2), torch.tensor([2, 0, 3]))


MESSAGE = r"where rows repeats, the slope of output element 0 in x element 0 is 1, the gradient 0"
