"""index: the elements that one index tensor per dimension names."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor

from plugrad.core import Context, Function, Sample, SampleMaker, op
from plugrad.ops.indexing._placed import placed


@op(
    "index",
    overrides=(
        torch.ops.aten.index.Tensor,
        torch.ops.aten.index,
        torch.ops.aten._unsafe_index.Tensor,
    ),
    linear=True,
)
class Index(Function):
    """y = x[indices];  gx = zeros with gy added at [indices].

    aten's index: an integer or boolean tensor, or None for all, for each dimension.
    """

    @staticmethod
    def forward(ctx: Context, x: Tensor, indices: Sequence[Tensor | None]) -> Tensor:
        ctx.x_shape = x.shape
        ctx.save_for_backward(*indices)
        return torch.ops.aten.index.Tensor(x, indices)

    @staticmethod
    def backward(ctx: Context, gy: Tensor) -> Tensor:
        return placed(gy, ctx.x_shape, (), *ctx.saved_tensors)

    @staticmethod
    def samples(make: SampleMaker) -> Iterator[Sample]:
        yield Sample(make(4, 2), [make.integers(5, high=4)])
        yield Sample(make(4, 2), [make.integers(3, 1, high=4), make.integers(2, high=2)])
        yield Sample(make(2, 3, 4), [make.integers(3, high=2), None, make.integers(3, high=4)])
        yield Sample(make(3, 4), [make.booleans(3, 4)])
        yield Sample(make(2, 3), [None, make.tensor(1, dtype=torch.int64)])
        yield Sample(make.complex(4), [make.integers(5, high=4)])
        yield Sample(make(0, 3), [None, make.integers(2, high=3)])
