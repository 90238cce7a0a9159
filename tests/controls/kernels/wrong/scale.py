"""scale: the gradient of q without 1 / sqrt(d)."""

from __future__ import annotations

from torch.autograd.function import once_differentiable

from plugrad.tests.controls.kernels.right import attention


class Wrong(attention.Right):
    """Right if d is 1."""

    @staticmethod
    @once_differentiable
    def backward(ctx, gy):
        gq, gk, gv = attention.Right.backward(ctx, gy)
        return gq * gq.shape[-1] ** 0.5, gk, gv


RIGHT = attention
#: Laws that say so.
LAWS = ("oracle",)
