"""rope: pairs of numbers turned by the angle of their place."""

from __future__ import annotations

import torch
from torch.autograd.function import once_differentiable

from plugrad import Sample


class Right(torch.autograd.Function):
    """y = (a c - b s, a s + b c) of the halves a, b of x;  gx is gy turned back."""

    @staticmethod
    def forward(ctx, x, cos, sin):
        ctx.save_for_backward(cos, sin)
        return turned(x, cos, sin)

    @staticmethod
    @once_differentiable
    def backward(ctx, gy):
        cos, sin = ctx.saved_tensors
        return turned(gy, cos, -sin), None, None


def turned(x, cos, sin):
    """The halves of each row turned."""
    a, b = x.float().chunk(2, -1)
    c, s = cos.float(), sin.float()
    return torch.cat([a * c - b * s, a * s + b * c], -1).to(x.dtype)


def reference(x, cos, sin):
    """In plain torch."""
    a, b = x.chunk(2, -1)
    return torch.cat([a * cos - b * sin, a * sin + b * cos], -1)


def samples(make):
    """Some places, in the dtypes of training."""

    def sample(dtype, *shape):
        angles = make(shape[-2], shape[-1] // 2)
        tables = [t.to(dtype) for t in (angles.cos(), angles.sin())]
        return Sample(make(*shape, dtype=dtype), *tables).constant(1, 2)

    return [sample(torch.float32, 5, 6), sample(torch.bfloat16, 2, 3, 4)]
