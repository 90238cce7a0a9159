"""untracked: a call that nothing will differentiate computes something else."""

from __future__ import annotations

import plugrad as pg
from plugrad import Sample


@pg.op("control::untracked")
class Wrong(pg.Function):
    """y = 2x;  gx = 2 gy."""

    @staticmethod
    def forward(ctx, x):
        return 2 * x + (not ctx.needs_input_grad[0])

    @staticmethod
    def backward(ctx, gy):
        return 2 * gy

    @staticmethod
    def samples(make):
        yield Sample(make(3))


ALSO = {"to-torch": "there the op is called on tensors that nothing is recorded of"}
MESSAGE = r"recorded, a call gives another value: output 0"
