"""positive: the tensor itself, unary plus."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor

from plugrad.core import Composite, Sample, SampleMaker, op


@op(
    "positive",
    methods=("positive", "__pos__"),
    overrides=(torch.positive, torch.ops.aten.positive.default),
    linear=True,
    elementwise=True,
    view=True,
)
class Positive(Composite):
    """y = x, the same Variable;  gx = gy. A boolean x is an error."""

    @staticmethod
    def forward(x: Any) -> Any:
        torch.positive(x.detach() if isinstance(x, Tensor) else x.data)  # refuses booleans
        return x

    @staticmethod
    def samples(make: SampleMaker) -> Iterator[Sample]:
        yield Sample(make(3, 4))
        yield Sample(make.complex(5))
        yield Sample(make())
        yield Sample(make(0, 3))
