"""minimum: the smaller of two elements."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from plugrad.core import Context, Function, Sample, SampleMaker, op


@op(
    "minimum",
    methods=("minimum",),
    overrides=(torch.minimum, torch.ops.aten.minimum.default),
    broadcasts=True,
    elementwise=True,
)
class Minimum(Function):
    """z = min(x, y);  the smaller one gets gz, at a tie each gets half of it.

    Where one is nan, so is z, and both get gz.
    """

    @staticmethod
    def forward(ctx: Context, x: Tensor, y: Tensor) -> Tensor:
        ctx.save_for_backward(x, y)
        return torch.minimum(x, y)

    @staticmethod
    def backward(ctx: Context, gz: Tensor) -> tuple[Tensor | None, Tensor | None]:
        x, y = ctx.saved_tensors
        need_gx, need_gy = ctx.needs_input_grad
        share = torch.where(x == y, gz / 2, gz)
        gx = torch.where(x > y, 0, share) if need_gx else None
        gy = torch.where(x < y, 0, share) if need_gy else None
        return gx, gy

    @staticmethod
    def samples(make: SampleMaker) -> Iterator[Sample]:
        yield Sample(make(3, 4), make(3, 4))
        yield Sample(make(3, 1), make(2, 1, 4))
        yield Sample(make(), make(2))
        yield Sample(make(0, 3), make(3))
        yield Sample(make(3), make(3)).constant(1)
        yield Sample(make.integers(3), make(3))
        yield Sample(make.integers(3), make.integers(3))
        yield Sample(make.tensor([1.0, 2.0, 0.0]), make.tensor([1.0, 3.0, -0.0])).at_kink()
        yield Sample(make.tensor([float("nan"), 1.0]), make.tensor([1.0, float("nan")]))
