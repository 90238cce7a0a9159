"""sign: a sign in the slope of the gate."""

from __future__ import annotations

from torch.autograd.function import once_differentiable

from plugrad.tests.controls.kernels.right import swiglu


class Wrong(swiglu.Right):
    """ga = gy b s (1 - a (1 - s))."""

    @staticmethod
    @once_differentiable
    def backward(ctx, gy):
        a, b = ctx.saved_tensors
        wide, gate = gy.float(), a.float().sigmoid()
        ga = wide * b.float() * gate * (1 - a.float() * (1 - gate))
        return ga.to(a.dtype), (wide * a.float() * gate).to(b.dtype)


RIGHT = swiglu
#: Laws that say so.
LAWS = ("oracle",)
