"""transpose: two dimensions swapped."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from plugrad.core import Context, Function, Sample, SampleMaker, op


@op(
    "transpose",
    methods=("transpose", "swapaxes", "swapdims"),
    overrides=(
        torch.transpose,
        torch.swapaxes,
        torch.swapdims,
        torch.ops.aten.transpose.int,
        torch.ops.aten.swapaxes.default,
        torch.ops.aten.swapdims.default,
    ),
    aliases={"axis0": "dim0", "axis1": "dim1"},
    linear=True,
    view=True,
    inplace=True,
)
class Transpose(Function):
    """y = x with dim0 and dim1 swapped, a view;  gx = gy with them swapped back."""

    @staticmethod
    def forward(ctx: Context, x: Tensor, dim0: int, dim1: int) -> Tensor:
        ctx.dims = int(dim0), int(dim1)
        return x.transpose(dim0, dim1)

    @staticmethod
    def backward(ctx: Context, gy: Tensor) -> Tensor:
        return gy.transpose(*ctx.dims)

    @staticmethod
    def samples(make: SampleMaker) -> Iterator[Sample]:
        yield Sample(make(3, 4), 0, 1)
        yield Sample(make(2, 3, 4), -1, 0)
        yield Sample(make(2, 3, 2), dim0=1, dim1=-1)
        yield Sample(make.complex(2, 3), 1, 0)
        yield Sample(make(2, 3), 1, 1)
        yield Sample(make(0, 3), 0, 1)
        yield Sample(make(), 0, -1)
