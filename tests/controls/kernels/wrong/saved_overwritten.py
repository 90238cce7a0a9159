"""saved_overwritten: backward takes the memory of the saved output for its result."""

from __future__ import annotations

from torch.autograd.function import once_differentiable

from plugrad.tests.controls.kernels.memory import memory
from plugrad.tests.controls.kernels.right import softmax


class Wrong(softmax.Right):
    """Right the first time."""

    @staticmethod
    @once_differentiable
    def backward(ctx, gy):
        (y,) = ctx.saved_tensors
        gx = softmax.Right.backward(ctx, gy)
        memory(y)[: y.numel()] = gx.flatten()
        return gx


RIGHT = softmax
#: Laws that say so.
LAWS = ("retain-graph",)
