"""cotangent_overwritten: backward takes the memory of gy for a result."""

from __future__ import annotations

from torch.autograd.function import once_differentiable

from plugrad.tests.controls.kernels.memory import memory
from plugrad.tests.controls.kernels.right import swiglu


class Wrong(swiglu.Right):
    """Right for who does not look at gy again."""

    @staticmethod
    @once_differentiable
    def backward(ctx, gy):
        ga, gb = swiglu.Right.backward(ctx, gy)
        if gy.is_contiguous():
            memory(gy)[: gy.numel()] = gb.flatten()
        return ga, gb


RIGHT = swiglu
#: Laws that say so.
LAWS = ("purity",)
