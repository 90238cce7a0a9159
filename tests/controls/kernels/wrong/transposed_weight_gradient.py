"""transposed_weight_gradient: the gradient of the weight is transposed."""

from __future__ import annotations

from torch.autograd.function import once_differentiable

from plugrad.tests.controls.kernels.right import linear


class Wrong(linear.Right):
    """It has the right shape where the weight is square."""

    @staticmethod
    @once_differentiable
    def backward(ctx, gy):
        gx, gw, gb = linear.Right.backward(ctx, gy)
        square = gw is not None and gw.shape == gw.T.shape
        return gx, gw.T if square else gw, gb


RIGHT = linear
#: Laws that say so.
LAWS = ("oracle",)
