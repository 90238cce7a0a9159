"""An op with integer inputs: rows of a table."""

from __future__ import annotations

import torch

import plugrad as pg
from plugrad import Sample


def rows(table, index):
    """The rows of table that index names."""
    return torch.nn.functional.embedding(index, table)


@pg.op("control::integer_inputs", reference=rows)
class Awkward(pg.Function):
    """y = table[index];  the gradient of table is gy, added up at the rows of index."""

    @staticmethod
    def forward(ctx, table, index):
        ctx.save_for_backward(index)
        ctx.rows, ctx.columns = table.shape
        return torch.nn.functional.embedding(index, table)

    @staticmethod
    def backward(ctx, gy):
        (index,) = ctx.saved_tensors
        zeros = torch.zeros(ctx.rows, ctx.columns, dtype=gy.dtype, device=gy.device)
        return zeros.index_add(0, index.reshape(-1), gy.reshape(index.numel(), ctx.columns)), None

    @staticmethod
    def samples(make):
        yield Sample(make(5, 3), make.integers(4))
        yield Sample(make(5, 3), make.tensor([[0, 0], [2, 0]], dtype=torch.int64))
