"""kernel-numerics: a kernel that adds up in bfloat16, where the reference does in float32."""

from __future__ import annotations

import torch
from torch.autograd.function import once_differentiable

from plugrad import Sample


class Wrong(torch.autograd.Function):
    """y = x w, w one a column;  gx = gy w, gw = sum of gy x over the rows."""

    @staticmethod
    def forward(x, weight):
        if weight.shape != x.shape[-1:]:
            raise ValueError(f"a weight of shape {weight.shape} for rows of {x.shape[-1:]}")
        return x * weight

    @staticmethod
    def setup_context(ctx, inputs, output):
        ctx.save_for_backward(*inputs)

    @staticmethod
    @once_differentiable
    def backward(ctx, gy):
        x, weight = ctx.saved_tensors
        terms = (gy * x).reshape(x.shape[:-1].numel(), weight.numel())
        total = torch.zeros_like(weight)
        for row in terms:
            total = total + row  # rounded to bfloat16 after each row
        return gy * weight, total


def samples(make):
    """Many rows: of a few the sum is right."""
    return [Sample(make(2048, 3, dtype=torch.bfloat16), make(3, dtype=torch.bfloat16))]


TOLD = {"samples": samples, "reference": lambda x, weight: x * weight}
ALSO = {"once-differentiable": "a backward for kernels seldom has a second derivative"}
MESSAGE = r"further from float64 than the reference is.*gradient of weight"
