"""diagonal: the diagonals of the matrices of two dimensions."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from plugrad.core import Context, Function, Sample, SampleMaker, op


@op(
    "diagonal",
    methods=("diagonal",),
    overrides=(torch.diagonal, torch.ops.aten.diagonal.default),
    linear=True,
    view=True,
)
class Diagonal(Function):
    """y[.., i] = x[i, i + offset] of dim1 and dim2, a view;  gx = zeros with gy there."""

    @staticmethod
    def forward(ctx: Context, x: Tensor, offset: int = 0, dim1: int = 0, dim2: int = 1) -> Tensor:
        ctx.x_shape, ctx.where = x.shape, (int(offset), int(dim1), int(dim2))
        return x.diagonal(offset, dim1, dim2)

    @staticmethod
    def backward(ctx: Context, gy: Tensor) -> Tensor:
        gx: Tensor = torch.ops.aten.diagonal_backward.default(gy, ctx.x_shape, *ctx.where)
        return gx

    @staticmethod
    def samples(make: SampleMaker) -> Iterator[Sample]:
        yield Sample(make(3, 3, 3), 1, 0, 2)
        yield Sample(make(3, 3))
        yield Sample(make(3, 4), 1)
        yield Sample(make(4, 3), -2)
        yield Sample(make(2, 3, 4), 0, -1, 0)
        yield Sample(make(2, 3, 3), offset=1, dim1=1, dim2=2)
        yield Sample(make(2, 2), 5)
        yield Sample(make.complex(2, 2))
        yield Sample(make(0, 3))
