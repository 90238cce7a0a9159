"""narrow_weight_gradient: the gradient of a float32 weight is rounded to x's dtype."""

from __future__ import annotations

from torch.autograd.function import once_differentiable

from plugrad.tests.controls.kernels.right import rms_norm


class Wrong(rms_norm.Right):
    """Right to three digits."""

    @staticmethod
    @once_differentiable
    def backward(ctx, gy):
        x, weight, _ = ctx.saved_tensors
        gx, gw, _ = rms_norm.Right.backward(ctx, gy)
        return gx, gw.to(x.dtype).to(weight.dtype), None


RIGHT = rms_norm
#: Laws that say so.
LAWS = ("kernel-numerics",)
