"""abs: the absolute value."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from plugrad.core import Context, Function, Sample, SampleMaker, op
from plugrad.ops.elementwise._direction import direction


@op(
    "abs",
    methods=("abs", "absolute", "__abs__"),
    overrides=(
        torch.abs,
        torch.absolute,
        torch.ops.aten.abs.default,
        torch.ops.aten.absolute.default,
    ),
    elementwise=True,
    inplace=True,
)
class Abs(Function):
    """y = |x|, real also for a complex x;  gx = gy x / |x|, 0 at 0."""

    @staticmethod
    def forward(ctx: Context, x: Tensor) -> Tensor:
        ctx.save_for_backward(x)
        return torch.abs(x)

    @staticmethod
    def backward(ctx: Context, gy: Tensor) -> Tensor:
        (x,) = ctx.saved_tensors
        return gy * direction(x)

    @staticmethod
    def samples(make: SampleMaker) -> Iterator[Sample]:
        yield Sample(make(3, 4))
        yield Sample(make.complex(5))
        yield Sample(make())
        yield Sample(make(0, 3))
        yield Sample(make.tensor([0.0, -0.0, -3.0])).at_kink()
        yield Sample(make.tensor([0j, 3 - 4j], dtype=torch.complex128)).at_kink()
        subnormal = make.tensor([3e-310 - 4e-310j, -5e-324], dtype=torch.complex128)
        yield Sample(subnormal).without_oracle("it is inf, from a division (pytorch#96543)")
