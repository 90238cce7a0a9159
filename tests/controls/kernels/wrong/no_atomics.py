"""no_atomics: equal indices overwrite each other's gradient."""

from __future__ import annotations

import torch
from torch.autograd.function import once_differentiable

from plugrad.tests.controls.kernels.right import embedding


class Wrong(embedding.Right):
    """Right where each index occurs once."""

    @staticmethod
    @once_differentiable
    def backward(ctx, gy):
        (index,) = ctx.saved_tensors
        gw = torch.zeros(ctx.shape, dtype=ctx.dtype, device=gy.device)
        gw[index] = gy
        return gw, None


RIGHT = embedding
#: Laws that say so.
LAWS = ("oracle",)
