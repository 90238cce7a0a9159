"""no_second_derivative: what backward computes torch does not see, and it does not say so."""

from __future__ import annotations

from plugrad.tests.controls.kernels.right import swiglu


class Wrong(swiglu.Right):
    """Right in the first order; the second is silently zero."""

    @staticmethod
    def backward(ctx, gy):
        a, b = (t.data for t in ctx.saved_tensors)
        wide, gate = gy.data.float(), a.float().sigmoid()
        ga = wide * b.float() * gate * (1 + a.float() * (1 - gate))
        return ga.to(a.dtype), (wide * a.float() * gate).to(b.dtype)


RIGHT = swiglu
#: Laws that say so.
LAWS = ("once-differentiable",)
