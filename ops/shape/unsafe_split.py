"""unsafe_split: pieces along a dimension, each in memory of its own."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from plugrad.core import Context, Function, Sample, SampleMaker, op


@op(
    "unsafe_split",
    methods=("unsafe_split",),
    overrides=(torch.unsafe_split, torch.ops.aten.unsafe_split.Tensor),
    aliases={"tensor": "x"},
    linear=True,
)
class UnsafeSplit(Function):
    """y1, y2, .. = x cut along dim, copies;  gx = gy1, gy2, .. put together again.

    torch's pieces share x's memory and count as no views, for an x that nobody uses afterwards:
    they may be changed in place. Ours are copies, so that they may be in any case.
    """

    @staticmethod
    def forward(ctx: Context, x: Tensor, split_size: int, dim: int = 0) -> tuple[Tensor, ...]:
        ctx.dim = int(dim)
        pieces = x.split(split_size, dim)  # type: ignore[no-untyped-call]
        return tuple([piece.clone() for piece in pieces])

    @staticmethod
    def backward(ctx: Context, *gradients: Tensor) -> Tensor:
        return torch.cat(gradients, ctx.dim)

    @staticmethod
    def samples(make: SampleMaker) -> Iterator[Sample]:
        yield Sample(make(5, 2), 2)
        yield Sample(make(2, 5), 3, -1)
        yield Sample(make(2, 5), split_size=2, dim=1)
        yield Sample(make.complex(4), 2)
        yield Sample(make(0, 3), 2)
        yield Sample(make.integers(4), 2)
