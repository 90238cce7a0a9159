"""diag_embed: vectors as the diagonals of matrices."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from plugrad.core import Context, Function, Sample, SampleMaker, op


@op(
    "diag_embed",
    methods=("diag_embed",),
    overrides=(torch.diag_embed, torch.ops.aten.diag_embed.default),
    linear=True,
)
class DiagEmbed(Function):
    """y = zeros with x's last dimension on the diagonal of dim1 and dim2;  gx = gy there."""

    @staticmethod
    def forward(ctx: Context, x: Tensor, offset: int = 0, dim1: int = -2, dim2: int = -1) -> Tensor:
        ctx.where = (int(offset), int(dim1), int(dim2))
        return torch.diag_embed(x, offset, dim1, dim2)

    @staticmethod
    def backward(ctx: Context, gy: Tensor) -> Tensor:
        return gy.diagonal(*ctx.where)

    @staticmethod
    def samples(make: SampleMaker) -> Iterator[Sample]:
        yield Sample(make(3))
        yield Sample(make(2, 3), 1)
        yield Sample(make(2, 3), -2, 0, 2)
        yield Sample(make(2, 3), offset=1, dim1=0, dim2=1)
        yield Sample(make(3), 0, 1, 0)
        yield Sample(make.complex(2))
        yield Sample(make(0, 3))
        yield Sample(make(3, 0))
