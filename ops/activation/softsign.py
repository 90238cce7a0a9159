"""nn.functional.softsign: x, squashed to between -1 and 1."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from plugrad.core import Composite, Sample, SampleMaker, op


@op("nn.functional.softsign", overrides=(torch.nn.functional.softsign,), elementwise=True)
class Softsign(Composite):
    """y = x / (1 + |x|);  gx = gy / (1 + |x|)^2, also at 0. It has 12 digits up to |x| = 1000."""

    @staticmethod
    def forward(x: Tensor) -> Tensor:
        return x / (x.abs() + 1)

    @staticmethod
    def samples(make: SampleMaker) -> Iterator[Sample]:
        yield Sample(make(3, 4))
        yield Sample(make())
        yield Sample(make(0, 3))
        yield Sample(make.tensor([-1e6, 1e6]))
