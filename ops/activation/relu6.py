"""nn.functional.relu6: relu, and no more than six."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from plugrad.core import Composite, Sample, SampleMaker, op


@op(
    "nn.functional.relu6",
    overrides=(torch.nn.functional.relu6, torch.ops.aten.relu6.default),
    elementwise=True,
)
class Relu6(Composite):
    """y = min(max(x, 0), 6)."""

    @staticmethod
    def forward(x: Tensor, inplace: bool = False) -> Tensor:
        return torch.nn.functional.hardtanh(x, 0.0, 6.0, inplace)

    @staticmethod
    def samples(make: SampleMaker) -> Iterator[Sample]:
        yield Sample(make(3, 4, low=-5, high=9))
        yield Sample(make(3), False)
        yield Sample(make.integers(3, low=-2, high=9))
        yield Sample(make())
        yield Sample(make(0, 3))
        yield Sample(make.tensor([-0.0, 0.0, 3.0, 6.0])).at_kink()
