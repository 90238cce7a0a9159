"""cumsum: the running sum along a dimension."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from plugrad.core import Context, Function, Sample, SampleMaker, op
from plugrad.ops.reduction._dims import cast


@op(
    "cumsum",
    methods=("cumsum",),
    overrides=(torch.cumsum, torch.ops.aten.cumsum.default),
    linear=True,
    inplace=True,
)
class Cumsum(Function):
    """y[i] = x[0] + ... + x[i];  gx[i] = gy[i] + ... + gy[n-1], the running sum backwards."""

    @staticmethod
    def forward(ctx: Context, x: Tensor, dim: int, *, dtype: torch.dtype | None = None) -> Tensor:
        ctx.dim, ctx.x_dtype = int(dim), x.dtype
        return torch.cumsum(x, dim, dtype=dtype)

    @staticmethod
    def backward(ctx: Context, gy: Tensor) -> Tensor:
        gy = cast(gy, ctx.x_dtype)
        if gy.dim() == 0:  # torch.vmap cannot flip it
            return gy
        return gy.flip(ctx.dim).cumsum(ctx.dim).flip(ctx.dim)

    @staticmethod
    def samples(make: SampleMaker) -> Iterator[Sample]:
        other = "torch's cumsum_ takes only the dtype there is; cast, the result is right"
        yield Sample(make(3, 4), 0)
        yield Sample(make(3, 4), -1)
        yield Sample(make(5), dim=0)
        yield Sample(make(1, 3), axis=0)
        yield Sample(make.complex(4), 0)
        yield Sample(make(4), 0, dtype=torch.float32).waive("inplace", other)
        yield Sample(make(4, dtype=torch.float32), 0, dtype=torch.float64).waive("inplace", other)
        yield Sample(make.integers(4), 0)
        yield Sample(make.booleans(4), 0)
        yield Sample(make(), 0)
        yield Sample(make(0, 3), 0)
        yield Sample(make(0, 3), 1)
