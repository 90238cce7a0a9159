"""stub: the stub beside the module still has forward's parameter by its old name."""

from __future__ import annotations

import plugrad as pg
from plugrad import Sample


@pg.op("control::stub")
class Wrong(pg.Function):
    """z = c x;  gx = c gz, where c = scale."""

    @staticmethod
    def forward(ctx, x, scale=2.0):
        ctx.scale = scale
        return scale * x

    @staticmethod
    def backward(ctx, gz):
        return ctx.scale * gz

    @staticmethod
    def samples(make):
        yield Sample(make(3), 3.0)


MESSAGE = r"declares _Ops\.stub\(.*factor.*\), but forward takes \(x, scale=2\.0\)"
