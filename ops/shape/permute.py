"""permute: the dimensions in another order."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor

from plugrad.core import Context, Function, Sample, SampleMaker, op
from plugrad.ops.shape._numbers import given, numbers


@op(
    "permute",
    methods=("permute",),
    overrides=(torch.permute, torch.ops.aten.permute.default),
    linear=True,
    view=True,
)
class Permute(Function):
    """y = x with dimension dims[i] as the i-th, a view;  gx = gy with the inverse order."""

    @staticmethod
    def forward(
        ctx: Context, x: Tensor, *order: int | Sequence[int], dims: Sequence[int] | None = None
    ) -> Tensor:
        order = given(order, dims)
        y = x.permute(*order)  # type: ignore[arg-type]
        ctx.inverse = _inverse(numbers(order), x.dim())
        return y

    @staticmethod
    def backward(ctx: Context, gy: Tensor) -> Tensor:
        return gy.permute(ctx.inverse)

    @staticmethod
    def samples(make: SampleMaker) -> Iterator[Sample]:
        yield Sample(make(3, 4), (1, 0))
        yield Sample(make(2, 3, 4), (2, 0, 1))
        yield Sample(make(2, 3, 4), [-1, 0, -2])
        yield Sample(make(2, 3, 4), dims=(1, 2, 0))
        yield Sample(make.complex(2, 3), (1, 0))
        yield Sample(make(0, 3), (1, 0))
        yield Sample(make(), ())


def _inverse(order: Sequence[int], ndim: int) -> tuple[int, ...]:
    positive = [dim % ndim for dim in order]
    return tuple([positive.index(dim) for dim in range(ndim)])
