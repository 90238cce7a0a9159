"""narrow_sum: the gradient of the weight is summed in bfloat16, row after row."""

from __future__ import annotations

import torch
from torch.autograd.function import once_differentiable

from plugrad.tests.controls.kernels.right import rms_norm


class Wrong(rms_norm.Right):
    """Right for few rows."""

    @staticmethod
    @once_differentiable
    def backward(ctx, gy):
        x, weight, rstd = ctx.saved_tensors
        gx, _, _ = rms_norm.Right.backward(ctx, gy)
        terms = (gy.float() * x.float() * rstd).to(x.dtype)
        gw = torch.zeros_like(weight, dtype=x.dtype)
        for row in terms.reshape(-1, *weight.shape) if terms.numel() else ():
            gw += row
        return gx, gw.to(weight.dtype), None


RIGHT = rms_norm
#: Laws that say so.
LAWS = ("kernel-numerics",)
