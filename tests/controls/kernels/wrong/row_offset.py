"""row_offset: the rows of gy are looked for at multiples of a block's size."""

from __future__ import annotations

import torch
from torch.autograd.function import once_differentiable

from plugrad.tests.controls.kernels.memory import BLOCK
from plugrad.tests.controls.kernels.right import layer_norm


class Wrong(layer_norm.Right):
    """Right where the columns are a multiple of a block."""

    @staticmethod
    @once_differentiable
    def backward(ctx, gy):
        columns = gy.shape[-1]
        padded = -(-columns // BLOCK) * BLOCK
        behind = gy.new_zeros(gy.numel() // max(columns, 1) * padded - gy.numel())
        wide = torch.cat([gy.flatten(), behind])
        return *layer_norm.gradients(*ctx.saved_tensors, gy, cotangent=wide, stride=padded), None


RIGHT = layer_norm
#: Laws that say so.
LAWS = ("oracle",)
