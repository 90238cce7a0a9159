"""padded_length: backward divides by the padded length."""

from __future__ import annotations

from torch.autograd.function import once_differentiable

from plugrad.tests.controls.kernels.right import masked_mean


class Wrong(masked_mean.Right):
    """Right for rows without padding."""

    @staticmethod
    @once_differentiable
    def backward(ctx, gy):
        (lengths,) = ctx.saved_tensors
        gx, _ = masked_mean.Right.backward(ctx, gy)
        return (gx.float() * lengths[:, None] / ctx.shape[-1]).to(gx.dtype), None


RIGHT = masked_mean
#: Laws that say so.
LAWS = ("oracle",)
