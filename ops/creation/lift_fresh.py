"""lift_fresh: a tensor that torch.tensor() made, as it is."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from plugrad.core import Composite, Sample, SampleMaker, op


@op(
    "lift_fresh",
    overrides=(torch.ops.aten.lift_fresh.default, torch.ops.aten.lift.default),
    linear=True,
    elementwise=True,
    view=True,
)
class LiftFresh(Composite):
    """y = x itself;  gx = gy. Only torch's own modes make something else of it."""

    @staticmethod
    def forward(x: Tensor) -> Tensor:
        return x

    @staticmethod
    def samples(make: SampleMaker) -> Iterator[Sample]:
        yield Sample(make(3, 4))
        yield Sample(make())
        yield Sample(make(0, 3))
