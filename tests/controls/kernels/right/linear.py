"""linear: a matrix product and a bias, accumulated in float32."""

from __future__ import annotations

import torch
from torch.autograd.function import once_differentiable

from plugrad import Sample


class Right(torch.autograd.Function):
    """y = x w^T + b;  gx = gy w, gw = gy^T x, gb = sum of gy over the rows."""

    @staticmethod
    def forward(ctx, x, weight, bias):
        if x.dim() != 2 or weight.dim() != 2:
            raise ValueError("x and weight must be matrices")
        ctx.save_for_backward(x, weight)
        return (x.float() @ weight.float().T + bias.float()).to(x.dtype)

    @staticmethod
    @once_differentiable
    def backward(ctx, gy):
        x, weight = ctx.saved_tensors
        needs_x, needs_weight, needs_bias = ctx.needs_input_grad
        wide = gy.float()
        gx = (wide @ weight.float()).to(x.dtype) if needs_x else None
        gw = (wide.T @ x.float()).to(weight.dtype) if needs_weight else None
        gb = wide.sum(0).to(weight.dtype) if needs_bias else None
        return gx, gw, gb


def reference(x, weight, bias):
    """In plain torch."""
    return torch.nn.functional.linear(x, weight, bias)


def samples(make):
    """Square, where a transposed gradient has the right shape, and not."""

    def sample(dtype, rows, columns, outputs):
        x, weight = make(rows, columns, dtype=dtype), make(outputs, columns, dtype=dtype)
        return Sample(x, weight, make(outputs, dtype=dtype))

    return [sample(torch.float32, 4, 4, 4), sample(torch.bfloat16, 3, 5, 6)]
