"""squeeze: dimensions of size 1 left out."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor

from plugrad.core import Context, Function, Sample, SampleMaker, op
from plugrad.ops.shape._numbers import given


@op(
    "squeeze",
    methods=("squeeze",),
    overrides=(
        torch.squeeze,
        torch.ops.aten.squeeze.default,
        torch.ops.aten.squeeze.dim,
        torch.ops.aten.squeeze.dims,
    ),
    linear=True,
    view=True,
    inplace=True,
)
class Squeeze(Function):
    """y = x without its dimensions of size 1, a view;  gx = gy in the shape of x.

    With dim, only those of them that it names are left out; others may be named.
    """

    @staticmethod
    def forward(
        ctx: Context,
        x: Tensor,
        *dims: int | Sequence[int],
        dim: int | Sequence[int] | None = None,
    ) -> Tensor:
        ctx.x_shape = x.shape
        return x.squeeze(*given(dims, dim))

    @staticmethod
    def backward(ctx: Context, gy: Tensor) -> Tensor:
        return gy.reshape(ctx.x_shape)

    @staticmethod
    def samples(make: SampleMaker) -> Iterator[Sample]:
        yield Sample(make(3, 1, 4, 1))
        yield Sample(make(3, 1, 4, 1), 1)
        yield Sample(make(3, 1, 4, 1), -2)
        yield Sample(make(1, 3, 1), (0, -1))
        yield Sample(make(1, 3, 1), [0, 1])
        yield Sample(make(1, 3, 1), dim=0)
        yield Sample(make(1, 3, 1), ())
        yield Sample(make.complex(2, 1))
        yield Sample(make(3))
        yield Sample(make())
        yield Sample(make(), 0)
        yield Sample(make(0, 1), 1)
