"""sub_scalar: a number subtracted from each element, aten's own overload."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from plugrad.core import Context, Function, Sample, SampleMaker, op


@op(
    "sub_scalar",
    overrides=(torch.ops.aten.sub.Scalar,),
    promotes=True,
    linear=True,
    elementwise=True,
)
class SubScalar(Function):
    """z = x - alpha y for a number y;  gx = gz.

    Beside sub, because alpha is positional here; torch.sub takes three positional arguments
    as (x, alpha, y).
    """

    @staticmethod
    def forward(ctx: Context, x: Tensor, y: complex, alpha: complex = 1) -> Tensor:
        z: Tensor = torch.ops.aten.sub.Scalar(x, y, alpha)
        return z

    @staticmethod
    def backward(ctx: Context, gz: Tensor) -> Tensor:
        return gz

    @staticmethod
    def samples(make: SampleMaker) -> Iterator[Sample]:
        yield Sample(make(3, 4), 2.5)
        yield Sample(make(3), 2.5, 3)
        yield Sample(make(3), 2, alpha=-0.5)
        yield Sample(make(3), 1j)
        yield Sample(make.complex(3), 2 + 1j, 1j)
        yield Sample(make.integers(3), 2, 3)
        yield Sample(make.integers(3), 2.5)
        yield Sample(make(0, 3), 1)
        yield Sample(make(), 2)
