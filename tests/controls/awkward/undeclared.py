"""Nothing but forward, backward and samples, as one would port it from torch."""

from __future__ import annotations

from plugrad import Function, Sample


class Awkward(Function):
    @staticmethod
    def forward(ctx, x, y):
        ctx.save_for_backward(x, y)
        return x * y.exp()

    @staticmethod
    def backward(ctx, gz):
        x, y = ctx.saved_tensors
        factor = y.exp().conj()
        return gz * factor, gz * x.conj() * factor

    @staticmethod
    def samples(make):
        yield Sample(make(3), make(3))
