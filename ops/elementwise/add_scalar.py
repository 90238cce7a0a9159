"""add_scalar: a number added to each element, aten's own overload."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from plugrad.core import Context, Function, Sample, SampleMaker, op


@op(
    "add_scalar",
    overrides=(torch.ops.aten.add.Scalar,),
    promotes=True,
    linear=True,
    elementwise=True,
)
class AddScalar(Function):
    """z = x + alpha y for a number y;  gx = gz.

    Beside add, because alpha is positional here; torch.add takes three positional arguments
    as (x, alpha, y).
    """

    @staticmethod
    def forward(ctx: Context, x: Tensor, y: complex, alpha: complex = 1) -> Tensor:
        z: Tensor = torch.ops.aten.add.Scalar(x, y, alpha)
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
        yield Sample(make(), True)
