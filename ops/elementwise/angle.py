"""angle: the angle of a complex number."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from plugrad.core import Context, Function, Sample, SampleMaker, conj, op


@op(
    "angle",
    methods=("angle",),
    overrides=(torch.angle, torch.ops.aten.angle.default),
    elementwise=True,
)
class Angle(Function):
    """y = the angle of x, in radians;  gx = gy i / conj(x), 0 at 0.

    Of a real number it is 0 or pi, and gx = 0.
    """

    @staticmethod
    def forward(ctx: Context, x: Tensor) -> Tensor:
        ctx.save_for_backward(x if x.is_complex() else None)
        return torch.angle(x)

    @staticmethod
    def backward(ctx: Context, gy: Tensor) -> Tensor:
        (x,) = ctx.saved_tensors
        if x is None:
            return torch.zeros_like(gy)
        return torch.where(x == 0, 0.0, gy * 1j / conj(torch.where(x == 0, 1.0, x)))

    @staticmethod
    def samples(make: SampleMaker) -> Iterator[Sample]:
        yield Sample(make.complex(3, 4))
        yield Sample(make(3))
        yield Sample(make.integers(3))
        yield Sample(make.complex())
        yield Sample(make(0, 3))
        yield Sample(make.tensor([1j, -1j, 2.0], torch.complex128))
        yield Sample(make.tensor([0.0, 1j], torch.complex128)).at_kink()
