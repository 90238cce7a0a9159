"""masked_mean over the length that each row of a padded batch has."""

from __future__ import annotations

import torch
from torch.autograd.function import once_differentiable

from plugrad import Sample


class Right(torch.autograd.Function):
    """y = sum of the first n numbers of a row / n;  gx = gy / n there, else 0."""

    @staticmethod
    def forward(ctx, x, lengths):
        if x.dim() != 2 or lengths.dim() != 1:
            raise ValueError("x must be a matrix, and lengths a vector")
        ctx.save_for_backward(lengths)
        ctx.shape, ctx.dtype = x.shape, x.dtype
        total = torch.where(used(x.shape, lengths), x.float(), 0.0).sum(-1)
        return (total / lengths).to(x.dtype)

    @staticmethod
    @once_differentiable
    def backward(ctx, gy):
        (lengths,) = ctx.saved_tensors
        share = (gy.float() / lengths)[:, None]
        return torch.where(used(ctx.shape, lengths), share, 0.0).to(ctx.dtype), None


def used(shape, lengths):
    """Which numbers are no padding."""
    return torch.arange(shape[-1], device=lengths.device) < lengths[:, None]


def reference(x, lengths):
    """In plain torch."""
    return x.masked_fill(~used(x.shape, lengths), 0).sum(-1) / lengths


def samples(make):
    """Rows of several lengths, in the dtypes of training."""
    lengths = make.tensor([3, 7, 1], dtype=torch.int64)
    return [
        Sample(make(3, 8, dtype=torch.float32), lengths),
        Sample(make(3, 7, dtype=torch.bfloat16), lengths),
    ]
