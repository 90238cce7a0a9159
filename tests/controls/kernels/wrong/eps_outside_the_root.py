"""eps_outside_the_root: backward adds eps to the root, and not to the mean below it."""

from __future__ import annotations

from torch.autograd.function import once_differentiable

from plugrad.tests.controls.kernels.right import rms_norm


class Wrong(rms_norm.Right):
    """Right as long as x is much larger than eps."""

    @staticmethod
    @once_differentiable
    def backward(ctx, gy):
        x, weight, _ = ctx.saved_tensors
        rstd = 1 / (x.float().square().mean(-1, keepdim=True).sqrt() + 1e-6)
        scaled, normed = gy.float() * weight.float(), x.float() * rstd
        gx = rstd * (scaled - normed * (scaled * normed).mean(-1, keepdim=True))
        gw = (gy.float() * normed).sum_to_size(weight.shape)
        return gx.to(x.dtype), gw.to(weight.dtype), None


RIGHT = rms_norm
#: Laws that say so.
LAWS = ("oracle",)
