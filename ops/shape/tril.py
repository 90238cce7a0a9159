"""tril: the part of matrices on and below a diagonal."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from plugrad.core import Context, Function, Sample, SampleMaker, op


@op(
    "tril",
    methods=("tril",),
    overrides=(torch.tril, torch.ops.aten.tril.default),
    linear=True,
    inplace=True,
)
class Tril(Function):
    """y[i, j] = x[i, j] where j - i <= diagonal, else 0;  gx = gy there, else 0."""

    @staticmethod
    def forward(ctx: Context, x: Tensor, diagonal: int = 0) -> Tensor:
        ctx.diagonal = int(diagonal)
        return x.tril(diagonal)

    @staticmethod
    def backward(ctx: Context, gy: Tensor) -> Tensor:
        return gy.tril(ctx.diagonal)

    @staticmethod
    def samples(make: SampleMaker) -> Iterator[Sample]:
        yield Sample(make(3, 3))
        yield Sample(make(3, 4), 1)
        yield Sample(make(2, 4, 3), diagonal=-1)
        yield Sample(make(2, 3), 7)
        yield Sample(make.complex(2, 2))
        yield Sample(make.integers(3, 3))
        yield Sample(make(0, 3))
