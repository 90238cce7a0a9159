"""rms_norm of each row, with a weight that may be of a wider dtype."""

from __future__ import annotations

import torch
from torch.autograd.function import once_differentiable

from plugrad import Sample


class Right(torch.autograd.Function):
    """y = w x r, r = 1 / sqrt(mean x^2 + eps);  gx = r (w gy - x r^2 mean(w gy x))."""

    @staticmethod
    def forward(ctx, x, weight, eps):
        if weight.shape != x.shape[-1:]:
            raise ValueError(f"a weight of shape {weight.shape} for rows of {x.shape[-1:]}")
        rstd = (x.float().square().mean(-1, keepdim=True) + eps).rsqrt()
        ctx.save_for_backward(x, weight, rstd)
        return (x.float() * rstd * weight.float()).to(x.dtype)

    @staticmethod
    @once_differentiable
    def backward(ctx, gy):
        x, weight, rstd = ctx.saved_tensors
        normed, wide = x.float() * rstd, gy.float()
        scaled = wide * weight.float()
        gx = rstd * (scaled - normed * (scaled * normed).mean(-1, keepdim=True))
        gw = (wide * normed).sum_to_size(weight.shape)
        return gx.to(x.dtype), gw.to(weight.dtype), None


def reference(x, weight, eps):
    """In plain torch."""
    wide = x.float()
    normed = wide * (wide.square().mean(-1, keepdim=True) + eps).rsqrt()
    return (normed * weight.float()).to(x.dtype)


def samples(make):
    """Few rows and many, both dtypes of weights, and numbers as small as eps is."""
    return [
        Sample(make(3, 10, dtype=torch.float32), make(10, dtype=torch.float32), 1e-6),
        Sample(make(300, 6, dtype=torch.bfloat16), make(6, dtype=torch.float32), 1e-6),
        Sample(make(300, 6, dtype=torch.bfloat16), make(6, dtype=torch.bfloat16), 1e-6),
        Sample(
            make(2, 5, low=-1e-3, high=1e-3, dtype=torch.float32),
            make(5, dtype=torch.float32),
            1e-6,
        ),
    ]
