"""dropout whose mask is drawn from a seed, forward and again backward."""

from __future__ import annotations

import torch
from torch.autograd.function import once_differentiable

from plugrad import Sample


class Right(torch.autograd.Function):
    """y = x m / (1 - p);  gx = gy m / (1 - p), with the mask m of the seed."""

    @staticmethod
    def forward(ctx, x, p, seed):
        ctx.p, ctx.seed = p, seed
        return (x.float() * mask(x.shape, p, seed) / (1 - p)).to(x.dtype)

    @staticmethod
    @once_differentiable
    def backward(ctx, gy):
        kept = mask(gy.shape, ctx.p, ctx.seed)
        return (gy.float() * kept / (1 - ctx.p)).to(gy.dtype), None, None


def mask(shape, p, seed):
    """1 where a number is kept, else 0."""
    generator = torch.Generator().manual_seed(seed)
    return (torch.rand(shape, generator=generator) >= p).float()


def reference(x, p, seed):
    """In plain torch."""
    return x * mask(x.shape, p, seed).to(x.dtype) / (1 - p)


def samples(make):
    """Two seeds, in the dtypes of training."""
    return [
        Sample(make(4, 6, dtype=torch.float32), 0.5, 3),
        Sample(make(5, 7, dtype=torch.bfloat16), 0.25, 4),
    ]
