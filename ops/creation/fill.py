"""fill: one value in every element."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from plugrad.core import Context, Function, Sample, SampleMaker, op


@op(
    "fill",
    overrides=(torch.fill, torch.ops.aten.fill.Scalar, torch.ops.aten.fill.Tensor),
    aliases={"value": "y"},
    inplace=("fill_",),
)
class Fill(Function):
    """z = y in each element of x's shape and dtype;  gx = 0, gy = sum of gz.

    y is a number or has no dimensions.
    """

    @staticmethod
    def forward(ctx: Context, x: Tensor, y: Tensor) -> Tensor:
        ctx.y_dtype = getattr(y, "dtype", None)
        return torch.fill(x, y)

    @staticmethod
    def backward(ctx: Context, gz: Tensor) -> tuple[Tensor | None, Tensor | None]:
        need_gx, need_gy = ctx.needs_input_grad
        gy = None
        if need_gy:
            gy = gz.sum()
            gy = (gy if ctx.y_dtype.is_complex or not gy.is_complex() else gy.real).to(ctx.y_dtype)
        return torch.zeros_like(gz) if need_gx else None, gy

    @staticmethod
    def samples(make: SampleMaker) -> Iterator[Sample]:
        yield Sample(make(3, 4), 2.5)
        yield Sample(make(3, 4), make())
        yield Sample(make(2, 3, 4), make()).constant(0)
        yield Sample(make(3), make()).constant(1)
        yield Sample(make.complex(3), make.complex())
        yield Sample(make.complex(3), make())
        yield Sample(make(), make())
        yield Sample(make(0, 3), make())
        yield Sample(make.integers(3), 2)
