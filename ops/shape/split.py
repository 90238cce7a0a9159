"""split: pieces along a dimension, of one size or of given sizes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor

from plugrad.core import Context, Function, Sample, SampleMaker, op


@op(
    "split",
    methods=("split", "split_with_sizes"),
    overrides=(
        torch.split,
        torch.split_with_sizes,
        torch.ops.aten.split.Tensor,
        torch.ops.aten.split.sizes,
        torch.ops.aten.split.default,
        torch.ops.aten.split_with_sizes.default,
    ),
    aliases={
        "tensor": "x",
        "split_size_or_sections": "split_size",
        "split_sizes": "split_size",
    },
    linear=True,
    view=True,
)
class Split(Function):
    """y1, y2, .. = x cut along dim, views;  gx = gy1, gy2, .. put together again.

    A number is the size of every piece but the last, which may be smaller; a sequence
    has the size of each.
    """

    @staticmethod
    def forward(
        ctx: Context, x: Tensor, split_size: int | Sequence[int], dim: int = 0
    ) -> tuple[Tensor, ...]:
        ctx.dim = int(dim)
        return x.split(split_size, dim)  # type: ignore[no-untyped-call]

    @staticmethod
    def backward(ctx: Context, *gradients: Tensor) -> Tensor:
        return torch.cat(gradients, ctx.dim)

    @staticmethod
    def samples(make: SampleMaker) -> Iterator[Sample]:
        yield Sample(make(5, 2), 2)
        yield Sample(make(2, 5), 3, -1)
        yield Sample(make(5, 2), [1, 0, 4])
        yield Sample(make(2, 5), (2, 3), dim=1)
        yield Sample(make(4), 9)
        yield Sample(make.complex(4), 2)
        yield Sample(make(0, 3), 2)
        yield Sample(make(0, 3), 2, 1)
        yield Sample(make.integers(4), 2)
