"""func-vmap: a vmap rule that multiplies by the sum of the whole batch."""

from __future__ import annotations

import torch

from plugrad import Sample


class Wrong(torch.autograd.Function):
    """y = x sum(x);  gx = gy sum(x) + sum(gy x)."""

    @staticmethod
    def forward(x):
        return x * x.sum()

    @staticmethod
    def setup_context(ctx, inputs, output):
        ctx.save_for_backward(*inputs)

    @staticmethod
    def backward(ctx, gy):
        (x,) = ctx.saved_tensors
        return gy * x.sum() + (gy * x).sum()

    @staticmethod
    def vmap(info, in_dims, x):
        return Wrong.apply(x.movedim(in_dims[0], 0)), 0


def samples(make):
    """A row of numbers."""
    return [Sample(make(3))]


TOLD = {"samples": samples}
MESSAGE = r"under torch.vmap the value differs"
