"""special.entr: -x log(x), the terms of an entropy."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from plugrad.core import Elementwise, Sample, SampleMaker, op


@op(
    "entr",
    overrides=(torch.special.entr, torch.ops.aten.special_entr.default),
    elementwise=True,
)
class Entr(Elementwise):
    """y = -x log(x), 0 at 0 and -inf below;  gx = -gy (1 + log(x)), infinite at 0, nan below."""

    value = staticmethod(torch.special.entr)

    @staticmethod
    def slope(x: Tensor, y: Tensor) -> Tensor:
        return -1 - x.log()

    @staticmethod
    def samples(make: SampleMaker) -> Iterator[Sample]:
        yield Sample(make(3, 4, low=0.3))
        yield Sample(make(low=0.3))
        yield Sample(make(0, 3))
        yield Sample(make.tensor([0.01, 1.0, 30.0]))
        yield Sample(make.tensor([0.0, -1.0, 2.0]))
