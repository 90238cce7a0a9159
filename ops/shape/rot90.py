"""rot90: a plane of a tensor turned by right angles."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor

from plugrad.core import Context, Function, Sample, SampleMaker, op


@op("rot90", methods=("rot90",), overrides=(torch.rot90, torch.ops.aten.rot90.default), linear=True)
class Rot90(Function):
    """y = x turned k times from dims[0] towards dims[1], a copy;  gx = gy turned back."""

    @staticmethod
    def forward(ctx: Context, x: Tensor, k: int = 1, dims: Sequence[int] = (0, 1)) -> Tensor:
        ctx.where = (-int(k), [int(dim) for dim in dims])
        return torch.rot90(x, k, dims)  # type: ignore[arg-type]

    @staticmethod
    def backward(ctx: Context, gy: Tensor) -> Tensor:
        return gy.rot90(*ctx.where)

    @staticmethod
    def samples(make: SampleMaker) -> Iterator[Sample]:
        yield Sample(make(2, 3))
        yield Sample(make(2, 3), 2)
        yield Sample(make(2, 3), -1)
        yield Sample(make(2, 3, 2), 1, (2, 0))
        yield Sample(make(2, 3), k=4, dims=[1, 0])
        yield Sample(make.complex(2, 2), 3)
        yield Sample(make(0, 3), 1)
