"""tan: the tangent."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from plugrad.core import Context, Function, Sample, SampleMaker, conj, op


@op("tan", methods=("tan",), overrides=(torch.tan,), elementwise=True, inplace=True)
class Tan(Function):
    """y = tan(x), x in radians;  gx = gy conj(1 + y^2)."""

    @staticmethod
    def forward(ctx: Context, x: Tensor) -> Tensor:
        y = torch.tan(x)
        ctx.save_for_backward(y)
        return y

    @staticmethod
    def backward(ctx: Context, gy: Tensor) -> Tensor:
        (y,) = ctx.saved_tensors
        return gy * conj(1 + y * y)

    @staticmethod
    def samples(make: SampleMaker) -> Iterator[Sample]:
        yield Sample(make(3, 4))
        yield Sample(make.complex(5))
        yield Sample(make())
        yield Sample(make(0, 3))
        yield Sample(make.tensor([0.0, -0.0, 0.5]))
