"""row_sum: backward without the sum over a row."""

from __future__ import annotations

from torch.autograd.function import once_differentiable

from plugrad.tests.controls.kernels.right import softmax


class Wrong(softmax.Right):
    """gx = y gy, the diagonal of the Jacobian alone."""

    @staticmethod
    @once_differentiable
    def backward(ctx, gy):
        (y,) = ctx.saved_tensors
        return (y.float() * (1 - y.float()) * gy.float()).to(y.dtype)


RIGHT = softmax
#: Laws that say so.
LAWS = ("oracle",)
