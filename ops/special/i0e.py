"""special.i0e: the modified Bessel function of order 0, scaled."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from plugrad.core import Elementwise, Sample, SampleMaker, op


@op(
    "i0e",
    overrides=(torch.special.i0e, torch.ops.aten.special_i0e.default),
    elementwise=True,
)
class I0e(Elementwise):
    """y = exp(-|x|) I0(x);  gx = gy (exp(-|x|) I1(x) - sign(x) y), which is 0 at 0."""

    needs = "xy"
    value = staticmethod(torch.special.i0e)

    @staticmethod
    def slope(x: Tensor, y: Tensor) -> Tensor:
        return torch.special.i1e(x) - x.sign() * y

    @staticmethod
    def samples(make: SampleMaker) -> Iterator[Sample]:
        yield Sample(make(3, 4))
        yield Sample(make())
        yield Sample(make(0, 3))
        yield Sample(make.tensor([-900.0, 40.0, 1.0]))
