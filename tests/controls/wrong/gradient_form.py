"""gradient_form: the gradient of an operand that was broadcast is not summed."""

from __future__ import annotations

import plugrad as pg
from plugrad import Sample


@pg.op("control::gradient_form")
class Wrong(pg.Function):
    """z = 2x + 3y;  gx = 2 gz, gy = 3 gz."""

    @staticmethod
    def forward(ctx, x, y):
        return 2 * x + 3 * y

    @staticmethod
    def backward(ctx, gz):
        return 2 * gz, 3 * gz

    @staticmethod
    def samples(make):
        yield Sample(make(3), make(2, 3))


MESSAGE = r"the gradient of x has shape \(2, 3\), the input \(3,\): broadcast: a sum"
