"""rsub_scalar: each element subtracted from a number, aten's own overload."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from plugrad.core import Context, Function, Sample, SampleMaker, op
from plugrad.ops._number import number


@op(
    "rsub_scalar",
    overrides=(torch.ops.aten.rsub.Scalar,),
    promotes=True,
    linear=True,
    elementwise=True,
)
class RsubScalar(Function):
    """z = y - alpha x for a number y;  gx = -conj(alpha) gz.

    Beside rsub, because alpha is positional here.
    """

    @staticmethod
    def forward(ctx: Context, x: Tensor, y: complex, alpha: complex = 1) -> Tensor:
        ctx.alpha = number(alpha)
        z: Tensor = torch.ops.aten.rsub.Scalar(x, y, alpha)
        return z

    @staticmethod
    def backward(ctx: Context, gz: Tensor) -> Tensor:
        return gz * -ctx.alpha.conjugate()

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
