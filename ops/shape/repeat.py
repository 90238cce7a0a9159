"""repeat: copies of a tensor side by side."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor

from plugrad.core import Context, Function, Sample, SampleMaker, op
from plugrad.ops.shape._numbers import given, numbers


@op(
    "repeat",
    methods=("repeat",),
    reference=torch.Tensor.repeat,
    overrides=(torch.ops.aten.repeat.default,),
    linear=True,
)
class Repeat(Function):
    """y = x put repeats[i] times along dimension i;  gx = the sum of gy over the copies.

    New dimensions come first.
    """

    @staticmethod
    def forward(
        ctx: Context, x: Tensor, *apart: int | Sequence[int], repeats: Sequence[int] | None = None
    ) -> Tensor:
        apart = given(apart, repeats)
        y = x.repeat(*apart)  # type: ignore[arg-type]
        ctx.times, ctx.x_shape = numbers(apart), x.shape
        return y

    @staticmethod
    def backward(ctx: Context, gy: Tensor) -> Tensor:
        shape, times = ctx.x_shape, ctx.times
        if gy.numel() == 0:
            return gy.new_zeros(shape)
        new = len(times) - len(shape)
        sizes, copies = list(times[:new]), list(range(new))
        for count, size in zip(times[new:], shape, strict=True):
            copies.append(len(sizes))
            sizes += [count, size]
        return gy.reshape(sizes).sum(copies) if copies else gy

    @staticmethod
    def samples(make: SampleMaker) -> Iterator[Sample]:
        yield Sample(make(3), 2)
        yield Sample(make(2, 3), 2, 1)
        yield Sample(make(2, 3), (3, 2, 2))
        yield Sample(make(2), [4])
        yield Sample(make(1, 2), repeats=(2, 3))
        yield Sample(make(), 2, 3)
        yield Sample(make(), ())
        yield Sample(make(3), 0)
        yield Sample(make(2, 3), 2, 0)
        yield Sample(make.complex(2), 2)
        yield Sample(make(0, 3), 2, 2)
        yield Sample(make.integers(2), 2)
