"""embedding: rows of a table, whose gradient is a sum over equal indices."""

from __future__ import annotations

import torch
from torch.autograd.function import once_differentiable

from plugrad import Sample


class Right(torch.autograd.Function):
    """y = w[i];  gw[i] += gy."""

    @staticmethod
    def forward(ctx, weight, index):
        ctx.save_for_backward(index)
        ctx.shape, ctx.dtype = weight.shape, weight.dtype
        return weight[index]

    @staticmethod
    @once_differentiable
    def backward(ctx, gy):
        (index,) = ctx.saved_tensors
        gw = torch.zeros(ctx.shape, dtype=torch.float32, device=gy.device)
        gw.index_add_(0, index, gy.float())
        return gw.to(ctx.dtype), None


def reference(weight, index):
    """In plain torch."""
    return torch.nn.functional.embedding(index, weight)


def samples(make):
    """Indices that occur several times, and a row that is not used."""
    index = make.tensor([0, 2, 2, 4, 2, 0], dtype=torch.int64)
    return [
        Sample(make(5, 3, dtype=torch.float32), index),
        Sample(make(6, 2, dtype=torch.bfloat16), index),
    ]
