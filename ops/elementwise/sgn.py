"""sgn: the direction of a number, x / |x|."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from plugrad.core import Context, Function, Sample, SampleMaker, conj, op
from plugrad.ops.elementwise._direction import enlarging


@op(
    "sgn",
    methods=("sgn",),
    overrides=(torch.sgn, torch.ops.aten.sgn.default),
    elementwise=True,
    inplace=True,
)
class Sgn(Function):
    """y = x / |x|, 0 at 0;  gx = (gy - y Re(conj(y) gy)) / |x|, 0 at 0 and for a real x.

    For a real x it is sign(x). Only the part of gy along the unit circle counts.
    """

    @staticmethod
    def forward(ctx: Context, x: Tensor) -> Tensor:
        if x.is_complex():
            ctx.save_for_backward(x)
        return torch.sgn(x)

    @staticmethod
    def backward(ctx: Context, gy: Tensor) -> Tensor:
        if not gy.is_complex():
            return torch.zeros_like(gy)
        (x,) = ctx.saved_tensors
        # What is too small to divide by is enlarged; the direction is the same.
        factor = enlarging(x.abs())
        x = x * factor
        y, size = x.sgn(), x.abs()
        along = (gy * conj(y)).real
        return torch.where(size == 0, 0, (gy - y * along) / size * factor)

    @staticmethod
    def samples(make: SampleMaker) -> Iterator[Sample]:
        yield Sample(make(3, 4))
        yield Sample(make.complex(5))
        yield Sample(make())
        yield Sample(make(0, 3))
        yield Sample(make.tensor([-2.0, 0.0, 3.0])).at_kink()
        yield Sample(make.tensor([0j, 3 - 4j], dtype=torch.complex128)).at_kink()
