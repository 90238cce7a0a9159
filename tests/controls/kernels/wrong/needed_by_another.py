"""needed_by_another: without a gradient of x there is none of the weight."""

from __future__ import annotations

from torch.autograd.function import once_differentiable

from plugrad.tests.controls.kernels.right import linear


class Wrong(linear.Right):
    """Right as long as x requires grad."""

    @staticmethod
    @once_differentiable
    def backward(ctx, gy):
        if not ctx.needs_input_grad[0]:
            return None, None, None
        return linear.Right.backward(ctx, gy)


RIGHT = linear
#: Laws that say so.
LAWS = ("subsets",)
