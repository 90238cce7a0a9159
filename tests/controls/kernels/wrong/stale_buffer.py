"""stale_buffer: the statistics of all calls are in one buffer."""

from __future__ import annotations

import torch
from torch.autograd.function import once_differentiable

from plugrad.tests.controls.kernels.right import rms_norm


class Wrong(rms_norm.Right):
    """Right if no other call comes between forward and backward."""

    buffer = torch.zeros(1024)

    @staticmethod
    def forward(ctx, x, weight, eps):
        y = rms_norm.Right.forward(ctx, x, weight, eps)
        _, _, rstd = ctx.to_save
        place = Wrong.buffer[: rstd.numel()].view(rstd.shape) if rstd.is_cpu else rstd
        ctx.save_for_backward(x, weight, place.data.copy_(rstd).data)
        return y

    @staticmethod
    @once_differentiable
    def backward(ctx, gy):
        x, weight, rstd = ctx.saved_tensors
        rstd = Wrong.buffer[: rstd.numel()].view(rstd.shape)
        normed, wide = x.float() * rstd, gy.float()
        scaled = wide * weight.float()
        gx = rstd * (scaled - normed * (scaled * normed).mean(-1, keepdim=True))
        return gx.to(x.dtype), (wide * normed).sum_to_size(weight.shape).to(weight.dtype), None


RIGHT = rms_norm
#: Laws that say so.
LAWS = ("interleaved",)
