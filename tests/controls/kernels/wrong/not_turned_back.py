"""not_turned_back: backward turns gy by the angle, not back."""

from __future__ import annotations

from torch.autograd.function import once_differentiable

from plugrad.tests.controls.kernels.right import rope


class Wrong(rope.Right):
    """Right for angles of 0."""

    @staticmethod
    @once_differentiable
    def backward(ctx, gy):
        cos, sin = ctx.saved_tensors
        return rope.turned(gy, cos, sin), None, None


RIGHT = rope
#: Laws that say so.
LAWS = ("oracle",)
