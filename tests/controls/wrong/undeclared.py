"""undeclared: an input that has no gradient on purpose, and a sample that does not say so."""

from __future__ import annotations

import plugrad as pg
from plugrad import Sample


@pg.op("control::undeclared")
class Wrong(pg.Function):
    """y = (x - t)² for a target t;  gx = 2 gy (x - t)."""

    @staticmethod
    def forward(ctx, x, t):
        ctx.save_for_backward(x, t)
        return (x - t) ** 2

    @staticmethod
    def backward(ctx, gy):
        x, t = ctx.saved_tensors
        factor = x - t
        return 2 * gy * (factor.conj() if factor.dtype.is_complex else factor), None

    @staticmethod
    def samples(make):
        yield Sample(make(3), make(3))


MESSAGE = r"which Sample\(...\).constant\('t'\) declares"
