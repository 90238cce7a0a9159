"""kinks: at the kink the gradient is twice the larger slope."""

from __future__ import annotations

import plugrad as pg
from plugrad import Sample


@pg.op("control::kinks")
class Wrong(pg.Function):
    """y = max(x, 0);  gx = gy where x > 0, else 0, and 2 gy at 0."""

    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x.clamp(min=0)

    @staticmethod
    def backward(ctx, gy):
        (x,) = ctx.saved_tensors
        return gy * (x > 0) + 2 * gy * (x == 0)

    @staticmethod
    def samples(make):
        yield Sample(make.tensor([-1.0, 0.0, 2.0])).at_kink()


MESSAGE = r"at a kink in x element 1 the gradient is 2, not between -?0 and 1"
ALSO = {
    "numeric": "it looks between the one-sided slopes too",
    "oracle": "torch's gradient there is another",
    "stretched": "ten times 0 is 0",
}
