"""variables: where nothing is recorded, a composite op hands out a bare tensor."""

from __future__ import annotations

import plugrad as pg
from plugrad import Sample


@pg.op("control::variables")
class Wrong(pg.Composite):
    """y = exp(x)."""

    @staticmethod
    def forward(x):
        y = x.exp()
        return y if y.requires_grad else getattr(y, "data", y)

    @staticmethod
    def samples(make):
        yield Sample(make(3))


MESSAGE = r"output 0 is a Tensor in no_grad\(\), not a Variable"
