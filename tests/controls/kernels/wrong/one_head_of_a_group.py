"""one_head_of_a_group: k and v get the gradient of the first head of their group."""

from __future__ import annotations

from torch.autograd.function import once_differentiable

from plugrad.tests.controls.kernels.right import attention


class Wrong(attention.Right):
    """Right where a group is one head."""

    @staticmethod
    @once_differentiable
    def backward(ctx, gy):
        gq, gk, gv = attention.gradients(*ctx.saved_tensors, gy)
        return gq, *(g[:, 0].to(gq.dtype) for g in (gk, gv))


RIGHT = attention
#: Laws that say so.
LAWS = ("oracle",)
