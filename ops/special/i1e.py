"""special.i1e: the modified Bessel function of order 1, scaled."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from plugrad.core import Elementwise, Sample, SampleMaker, op


@op(
    "i1e",
    overrides=(torch.special.i1e, torch.ops.aten.special_i1e.default),
    elementwise=True,
)
class I1e(Elementwise):
    """y = exp(-|x|) I1(x);  gx = gy (exp(-|x|) I0(x) - y (sign(x) + 1 / x)), and gy / 2 at 0."""

    needs = "xy"
    value = staticmethod(torch.special.i1e)

    @staticmethod
    def slope(x: Tensor, y: Tensor) -> Tensor:
        nought = x == 0
        inverse = x.sign() + 1 / torch.where(nought, 1.0, x)
        return torch.where(nought, 0.5, torch.special.i0e(x) - y * inverse)

    @staticmethod
    def samples(make: SampleMaker) -> Iterator[Sample]:
        yield Sample(make(3, 4))
        yield Sample(make())
        yield Sample(make(0, 3))
        yield Sample(make.tensor([0.0, -900.0, 1.0]))
