"""expand: broadcast to a larger shape."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor

from plugrad.core import Context, Function, Sample, SampleMaker, op
from plugrad.ops.shape._numbers import given


@op(
    "expand",
    methods=("expand",),
    reference=torch.Tensor.expand,
    overrides=(torch.ops.aten.expand.default,),
    broadcasts=True,
    linear=True,
    view=True,
)
class Expand(Function):
    """y = x broadcast to the sizes given, a view;  gx = gy summed to the shape of x.

    A size of -1 stays as it is. New dimensions come first.
    """

    @staticmethod
    def forward(
        ctx: Context,
        x: Tensor,
        *sizes: int | Sequence[int],
        size: Sequence[int] | None = None,
        implicit: bool = False,
    ) -> Tensor:
        return x.expand(*given(sizes, size), implicit=implicit)

    @staticmethod
    def backward(ctx: Context, gy: Tensor) -> Tensor:
        return gy

    @staticmethod
    def samples(make: SampleMaker) -> Iterator[Sample]:
        yield Sample(make(3, 1), 3, 4)
        yield Sample(make(3, 1), (2, -1, 4))
        yield Sample(make(1, 3, 1), [2, 3, 2])
        yield Sample(make(3), torch.Size([2, 3]))
        yield Sample(make(3, 1), size=(3, 2))
        yield Sample(make(3, 1), (3, 2), implicit=True)
        yield Sample(make(3), 3)
        yield Sample(make.complex(1, 2), 3, 2)
        yield Sample(make(), 2, 3)
        yield Sample(make(), ())
        yield Sample(make(1, 3), 0, 3)
        yield Sample(make(0, 1), 0, 4)
