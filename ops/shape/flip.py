"""flip: the order along dimensions reversed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor

from plugrad.core import Context, Function, Sample, SampleMaker, op
from plugrad.ops.shape._numbers import given, numbers


@op("flip", methods=("flip",), overrides=(torch.flip, torch.ops.aten.flip.default), linear=True)
class Flip(Function):
    """y = x with the order along each of dims reversed, a copy;  gx = gy reversed back."""

    @staticmethod
    def forward(
        ctx: Context, x: Tensor, *apart: int | Sequence[int], dims: Sequence[int] | None = None
    ) -> Tensor:
        apart = given(apart, dims)
        y = x.flip(*apart)  # type: ignore[arg-type]
        ctx.dims = numbers(apart)
        return y

    @staticmethod
    def backward(ctx: Context, gy: Tensor) -> Tensor:
        return gy.flip(ctx.dims)

    @staticmethod
    def samples(make: SampleMaker) -> Iterator[Sample]:
        yield Sample(make(3, 4), (0,))
        yield Sample(make(3, 4), [-1, 0])
        yield Sample(make(2, 3), dims=(1,))
        yield Sample(make(2, 3), ())
        yield Sample(make.complex(3), (0,))
        yield Sample(make(), (0,)).waive(
            "batched-cotangents", "torch.vmap cannot flip what has no dimensions"
        )
        yield Sample(make(0, 3), (0, 1))
