"""broadcast_to: broadcast to a larger shape."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor

from plugrad.core import Context, Function, Sample, SampleMaker, op
from plugrad.ops.shape._numbers import given


@op(
    "broadcast_to",
    methods=("broadcast_to",),
    overrides=(torch.broadcast_to, torch.ops.aten.broadcast_to.default),
    broadcasts=True,
    linear=True,
    view=True,
)
class BroadcastTo(Function):
    """y = x broadcast to the sizes given, a view;  gx = gy summed to the shape of x."""

    @staticmethod
    def forward(
        ctx: Context, x: Tensor, *sizes: int | Sequence[int], size: Sequence[int] | None = None
    ) -> Tensor:
        return x.broadcast_to(*given(sizes, size))

    @staticmethod
    def backward(ctx: Context, gy: Tensor) -> Tensor:
        return gy

    @staticmethod
    def samples(make: SampleMaker) -> Iterator[Sample]:
        yield Sample(make(3, 1), (2, 3, 4))
        yield Sample(make(3), torch.Size([2, 3]))
        yield Sample(make(3, 1), size=[3, 2])
        yield Sample(make.complex(1, 2), (3, 2))
        yield Sample(make(), (2, 3))
        yield Sample(make(1, 3), (0, 3))
