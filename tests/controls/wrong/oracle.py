"""oracle: a constant of the rule is off by 1e-9, which no finite difference shows."""

from __future__ import annotations

import plugrad as pg
from plugrad import Sample


@pg.op("control::oracle")
class Wrong(pg.Function):
    """y = 2x;  gx = 2 gy."""

    @staticmethod
    def forward(ctx, x):
        return 2 * x

    @staticmethod
    def backward(ctx, gy):
        return 2.000000002 * gy

    @staticmethod
    def samples(make):
        yield Sample(make(3))


MESSAGE = r"not torch's gradient: gradient of x.*(float32 arithmetic|scaled by|not exact)"
ALSO = {
    "sizes": "it compares gradients with torch's too",
    "stretched": "it compares gradients with torch's too",
}
