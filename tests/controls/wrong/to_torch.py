"""to-torch: an op that computes something else where it is given tensors and not Variables."""

from __future__ import annotations

import plugrad as pg
from plugrad import Composite, Sample, op


@op("control::to_torch")
class Wrong(Composite):
    """y = 2x of a Variable, and 3x of a tensor."""

    @staticmethod
    def forward(x):
        return 2 * x if isinstance(x, pg.Variable) else 3 * x

    @staticmethod
    def samples(make):
        yield Sample(make(3, 4))
        yield Sample(make(0))


ALSO = dict.fromkeys(
    ("untracked", "sizes", "second-order", "stretched"), "it calls the op on tensors too"
)
MESSAGE = r"on plain tensors the value differs"
