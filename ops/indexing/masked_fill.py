"""masked_fill: one value wherever a mask is True."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from plugrad.core import Context, Function, Sample, SampleMaker, op


@op(
    "masked_fill",
    methods=("masked_fill",),
    overrides=(
        torch.masked_fill,
        torch.ops.aten.masked_fill.Scalar,
        torch.ops.aten.masked_fill.Tensor,
    ),
    broadcasts=True,
    inplace=True,
)
class MaskedFill(Function):
    """y = value where mask, else x;  gx = 0 where mask, else gy;  gvalue = gy where mask.

    x and mask broadcast; value is a number or a tensor of no dimensions.
    """

    @staticmethod
    def forward(ctx: Context, x: Tensor, mask: Tensor, value: Tensor | complex) -> Tensor:
        ctx.save_for_backward(mask)
        return x.masked_fill(mask, value)

    @staticmethod
    def backward(ctx: Context, gy: Tensor) -> tuple[Tensor | None, None, Tensor | None]:
        (mask,) = ctx.saved_tensors
        need_gx, _, need_gvalue = ctx.needs_input_grad
        gx = gy.masked_fill(mask, 0) if need_gx else None
        return gx, None, gy.masked_fill(~mask, 0) if need_gvalue else None

    @staticmethod
    def samples(make: SampleMaker) -> Iterator[Sample]:
        yield Sample(make(3, 4), make.booleans(3, 4), 2.5)
        yield Sample(make(3, 4), make.booleans(4), make())
        yield Sample(make(3, 1), make.booleans(2, 1, 4), make())
        yield Sample(make(3), mask=make.booleans(3), value=-1)
        yield Sample(make(3), make.booleans(3), float("-inf"))
        yield Sample(make(3, dtype=torch.float32), make.booleans(3), make())
        yield Sample(make.complex(3), make.booleans(3), make.complex())
        yield Sample(make.complex(3), make.booleans(3), 1j)
        yield Sample(make(3), make.booleans(3), make()).constant(0)
        yield Sample(make(3), make.booleans(3), make()).constant(2)
        yield Sample(make.integers(3), make.booleans(3), 7)
        yield Sample(make(), make.booleans(), 1.0)
        yield Sample(make(0, 3), make.booleans(3), make())
