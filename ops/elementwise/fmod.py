"""fmod: what a division rounded towards 0 leaves."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from plugrad.core import Context, Function, Sample, SampleMaker, op


@op(
    "fmod",
    methods=("fmod",),
    overrides=(torch.fmod, torch.ops.aten.fmod.Tensor, torch.ops.aten.fmod.Scalar),
    broadcasts=True,
    elementwise=True,
    inplace=True,
)
class Fmod(Function):
    """z = x - y trunc(x / y), with the sign of x;  gx = gz, gy = -gz trunc(x / y).

    Also at the jumps.
    """

    @staticmethod
    def forward(ctx: Context, x: Tensor, y: Tensor) -> Tensor:
        ctx.save_for_backward(*((x, y) if ctx.needs_input_grad[1] else (None, None)))
        return torch.fmod(x, y)

    @staticmethod
    def backward(ctx: Context, gz: Tensor) -> tuple[Tensor, Tensor | None]:
        x, y = ctx.saved_tensors
        if not ctx.needs_input_grad[1]:
            return gz, None
        return gz, -gz * torch.div(x, y, rounding_mode="trunc")

    @staticmethod
    def samples(make: SampleMaker) -> Iterator[Sample]:
        yield Sample(make(3, 4), make.nonzero(3, 4))
        yield Sample(make(3, 1), make.nonzero(2, 1, 4))
        yield Sample(make(3), make.nonzero(3)).constant(0)
        yield Sample(make(3), make.nonzero(3)).constant(1)
        yield Sample(make(3), 0.7)
        yield Sample(make.integers(3), 2)
        yield Sample(make.integers(3), make.nonzero(3))
        yield Sample(make(0, 3), make(3))
        yield Sample(make(), make.nonzero())
        yield Sample(make.tensor([4.5, -3.0, 0.5]), make.tensor([1.0, 2.0, 3.0]))
        yield Sample(make.tensor([4.0, -3.0]), make.tensor([2.0, 1.5])).at_kink()
