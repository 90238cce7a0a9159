"""A Function in torch's newer form, with setup_context."""

from __future__ import annotations

import plugrad as pg
from plugrad import Sample


@pg.op("control::setup_context", broadcasts=True)
class Awkward(pg.Function):
    """z = x² y;  gx = 2 gz x y, gy = gz x²."""

    @staticmethod
    def forward(x, y):
        return x * x * y

    @staticmethod
    def setup_context(ctx, inputs, output):
        x, y = inputs
        ctx.save_for_backward(x, y)

    @staticmethod
    def backward(ctx, gz):
        x, y = ctx.saved_tensors
        return 2 * gz * (x * y).conj(), gz * (x * x).conj()

    @staticmethod
    def samples(make):
        yield Sample(make(3), make(3))
