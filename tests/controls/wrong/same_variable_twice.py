"""same-variable-twice: it finds out by identity which input is which."""

from __future__ import annotations

import plugrad as pg
from plugrad import Sample


@pg.op("control::same_variable_twice", broadcasts=True)
class Wrong(pg.Function):
    """z = 2x + 3y;  gx = 2 gz, gy = 3 gz."""

    @staticmethod
    def forward(ctx, x, y):
        ctx.same = x is y
        return 2 * x + 3 * y

    @staticmethod
    def backward(ctx, gz):
        # Meant for x + x = 2x, and forgetting that the engine adds the second gradient.
        return (2 + 3 * ctx.same) * gz, 3 * gz

    @staticmethod
    def samples(make):
        yield Sample(make(3), make(3))


MESSAGE = r"wrong for one Variable given twice: gradient of x = y"
