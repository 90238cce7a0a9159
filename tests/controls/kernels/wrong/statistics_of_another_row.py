"""statistics_of_another_row: backward reads the first row's statistic in each block."""

from __future__ import annotations

from torch.autograd.function import once_differentiable

from plugrad.tests.controls.kernels.memory import BLOCK
from plugrad.tests.controls.kernels.right import layer_norm


class Wrong(layer_norm.Right):
    """Right for a single row."""

    @staticmethod
    @once_differentiable
    def backward(ctx, gy):
        found = layer_norm.gradients(
            *ctx.saved_tensors, gy, statistics=lambda row: row // BLOCK * BLOCK
        )
        return *found, None


RIGHT = layer_norm
#: Laws that say so.
LAWS = ("oracle",)
