"""swiglu: a gate and what goes through it."""

from __future__ import annotations

import torch
from torch.autograd.function import once_differentiable

from plugrad import Sample


class Right(torch.autograd.Function):
    """y = a s(a) b, s the logistic function;  ga = gy b s (1 + a (1 - s)), gb = gy a s."""

    @staticmethod
    def forward(a, b):
        wide = a.float()
        return (wide * wide.sigmoid() * b.float()).to(a.dtype)

    @staticmethod
    def setup_context(ctx, inputs, output):
        ctx.save_for_backward(*inputs)

    @staticmethod
    @once_differentiable
    def backward(ctx, gy):
        a, b = ctx.saved_tensors
        wide, gate = gy.float(), a.float().sigmoid()
        ga = wide * b.float() * gate * (1 + a.float() * (1 - gate))
        gb = wide * a.float() * gate
        return ga.to(a.dtype), gb.to(b.dtype)


def reference(a, b):
    """In plain torch."""
    return torch.nn.functional.silu(a) * b


def samples(make):
    """In the dtypes of training, and where the gate saturates."""
    return [
        Sample(make(3, 5, dtype=torch.float32), make(3, 5, dtype=torch.float32)),
        Sample(make(2, 9, dtype=torch.bfloat16), make(2, 9, dtype=torch.bfloat16)),
        Sample(make(4, low=-30.0, high=30.0, dtype=torch.float32), make(4, dtype=torch.float32)),
    ]
