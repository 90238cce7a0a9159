"""bias_axis: the gradient of the bias is summed over the outputs, not the rows."""

from __future__ import annotations

from torch.autograd.function import once_differentiable

from plugrad.tests.controls.kernels.right import linear


class Wrong(linear.Right):
    """It has the right shape where there are as many rows as outputs."""

    @staticmethod
    @once_differentiable
    def backward(ctx, gy):
        gx, gw, gb = linear.Right.backward(ctx, gy)
        if gy.shape[0] == gy.shape[1] and gb is not None:
            gb = gy.float().sum(1).to(gb.dtype)
        return gx, gw, gb


RIGHT = linear
#: Laws that say so.
LAWS = ("oracle",)
