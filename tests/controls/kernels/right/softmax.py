"""softmax of each row, in float32 whatever the input's dtype."""

from __future__ import annotations

import torch
from torch.autograd.function import once_differentiable

from plugrad import Sample
from plugrad.tests.controls.kernels.memory import blocks


class Right(torch.autograd.Function):
    """y = exp(x - max x) / sum exp(x - max x);  gx = y (gy - sum y gy)."""

    @staticmethod
    def forward(x):
        rows = x.float()
        largest = rows.amax(-1, keepdim=True) if rows.shape[-1] else rows
        powers = (rows - largest).exp()
        return (powers / powers.sum(-1, keepdim=True)).to(x.dtype)

    @staticmethod
    def setup_context(ctx, inputs, output):
        ctx.save_for_backward(output)

    @staticmethod
    @once_differentiable
    def backward(ctx, gy):
        (y,) = ctx.saved_tensors
        wide_y, wide_gy = y.float(), gy.float()
        total = wide_y.new_zeros(*y.shape[:-1], 1)
        for start, end in blocks(y.shape[-1]):
            product = wide_y[..., start:end] * wide_gy[..., start:end]
            total += product.sum(-1, keepdim=True)
        return (wide_y * (wide_gy - total)).to(y.dtype)


def reference(x):
    """In plain torch."""
    return torch.softmax(x, -1)


def samples(make):
    """Rows that are no multiple of a block, in the dtypes of training, and large numbers."""
    return [
        Sample(make(3, 10, dtype=torch.float32)),
        Sample(make(2, 3, 7, dtype=torch.bfloat16)),
        Sample(make(2, 6, dtype=torch.float16)),
        Sample(make(2, 5, low=80.0, high=100.0, dtype=torch.float32)),
    ]
