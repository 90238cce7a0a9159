"""another_seed: backward draws its mask from the next seed."""

from __future__ import annotations

from torch.autograd.function import once_differentiable

from plugrad.tests.controls.kernels.right import dropout


class Wrong(dropout.Right):
    """Right in the mean."""

    @staticmethod
    @once_differentiable
    def backward(ctx, gy):
        ctx.seed += 1
        found = dropout.Right.backward(ctx, gy)
        ctx.seed -= 1
        return found


RIGHT = dropout
#: Laws that say so.
LAWS = ("oracle",)
