"""cotangent_stride: backward loads gy by address and ignores its strides."""

from __future__ import annotations

import torch
from torch.autograd.function import once_differentiable

from plugrad.tests.controls.kernels.memory import memory
from plugrad.tests.controls.kernels.right import swiglu


class Wrong(swiglu.Right):
    """Right where gy is contiguous."""

    @staticmethod
    @once_differentiable
    def backward(ctx, gy):
        flat = memory(gy)
        if flat.numel() >= gy.numel():
            gy = flat[: gy.numel()].view(gy.shape)
        else:  # what is behind the end of it
            gy = torch.cat([flat, flat.new_zeros(gy.numel() - flat.numel())]).view(gy.shape)
        return swiglu.Right.backward(ctx, gy)


RIGHT = swiglu
#: Laws that say so.
LAWS = ("cotangent-layouts",)
