"""subsets: it skips the gradient of y unless x needs one, too."""

from __future__ import annotations

import plugrad as pg
from plugrad import Sample


@pg.op("control::subsets", broadcasts=True)
class Wrong(pg.Function):
    """z = 2x + 3y;  gx = 2 gz, gy = 3 gz."""

    @staticmethod
    def forward(ctx, x, y):
        return 2 * x + 3 * y

    @staticmethod
    def backward(ctx, gz):
        return 2 * gz, 3 * gz * ctx.needs_input_grad[0]

    @staticmethod
    def samples(make):
        yield Sample(make(3), make(3))


MESSAGE = r"wrong when only y requires grad: gradient of y"
