"""index_fill: one value at some indices of a dimension."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from plugrad.core import Context, Function, Sample, SampleMaker, op


@op(
    "index_fill",
    methods=("index_fill",),
    overrides=(
        torch.index_fill,
        torch.ops.aten.index_fill.int_Scalar,
        torch.ops.aten.index_fill.int_Tensor,
    ),
    linear=True,
    promotes=True,
    inplace=True,
)
class IndexFill(Function):
    """z = x with value at each index of dim;  gx = gz with 0 there, gvalue = the sum of gz there.

    value is a number or has no dimensions. An index that is named twice counts once.
    """

    @staticmethod
    def forward(ctx: Context, x: Tensor, dim: int, index: Tensor, value: Tensor) -> Tensor:
        ctx.dim = int(dim)
        ctx.save_for_backward(index)
        return x.index_fill(dim, index, value)

    @staticmethod
    def backward(ctx: Context, gz: Tensor) -> tuple[Tensor | None, None, None, Tensor | None]:
        (index,) = ctx.saved_tensors
        need_gx, _, _, need_gvalue = ctx.needs_input_grad
        gx = gz.index_fill(ctx.dim, index, 0) if need_gx else None
        if not need_gvalue:
            return gx, None, None, None
        elsewhere = torch.ones_like(gz, dtype=torch.bool).index_fill(ctx.dim, index, False)
        return gx, None, None, gz.masked_fill(elsewhere, 0).sum()

    @staticmethod
    def samples(make: SampleMaker) -> Iterator[Sample]:
        index = make.tensor([2, 0], dtype=torch.int64)
        yield Sample(make(3, 4), 0, index, 2.5)
        yield Sample(make(2, 3), -1, index, make())
        yield Sample(make(3, 3), 1, index, make())
        twice = make.tensor([1, 1], dtype=torch.int64)
        yield Sample(make(4, 2), dim=0, index=twice, value=make())
        yield Sample(make(4, 2), 0, -twice, 2.0)
        yield Sample(make(3), 0, index, make()).constant(0)
        yield Sample(make(3), 0, index, make()).constant(3)
        yield Sample(make.complex(3), 0, index, make.complex())
        yield Sample(make.complex(3), 0, index, make())
        yield Sample(make(3), 0, make.tensor(1, dtype=torch.int64), make())
        yield Sample(make(), 0, make.tensor([0], dtype=torch.int64), make())
        yield Sample(make(3), 0, make.integers(0), make())
        yield Sample(make.integers(3), 0, index, 2)
        yield Sample(make(0, 3), 1, index, make())
