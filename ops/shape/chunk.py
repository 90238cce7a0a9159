"""chunk: a number of pieces along a dimension."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from plugrad.core import Context, Function, Sample, SampleMaker, op


@op(
    "chunk",
    methods=("chunk",),
    overrides=(torch.chunk, torch.ops.aten.chunk.default),
    linear=True,
    view=True,
)
class Chunk(Function):
    """y1, y2, .. = x cut along dim, views;  gx = gy1, gy2, .. put together again.

    All pieces but the last have the same size; there may be fewer than asked for.
    """

    @staticmethod
    def forward(ctx: Context, x: Tensor, chunks: int, dim: int = 0) -> tuple[Tensor, ...]:
        ctx.dim = int(dim)
        return x.chunk(chunks, dim)

    @staticmethod
    def backward(ctx: Context, *gradients: Tensor) -> Tensor:
        return torch.cat(gradients, ctx.dim)

    @staticmethod
    def samples(make: SampleMaker) -> Iterator[Sample]:
        yield Sample(make(4, 2), 2)
        yield Sample(make(2, 5), 3, -1)
        yield Sample(make(5), 4)
        yield Sample(make(2, 5), chunks=2, dim=1)
        yield Sample(make.complex(4), 2)
        yield Sample(make(0, 3), 2)
        yield Sample(make.integers(4), 2)
