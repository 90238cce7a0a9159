"""last_block_mask: the sum over a row takes full blocks only."""

from __future__ import annotations

from torch.autograd.function import once_differentiable

from plugrad.tests.controls.kernels.memory import BLOCK
from plugrad.tests.controls.kernels.right import softmax


class Wrong(softmax.Right):
    """Right where the columns are a multiple of a block."""

    @staticmethod
    @once_differentiable
    def backward(ctx, gy):
        (y,) = ctx.saved_tensors
        product = y.float() * gy.float()
        full = y.shape[-1] // BLOCK * BLOCK
        total = product[..., :full].sum(-1, keepdim=True)
        return (product - y.float() * total).to(y.dtype)


RIGHT = softmax
#: Laws that say so.
LAWS = ("oracle",)
