"""unsafe_view: the same elements in another shape, as torch's own functions ask for it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor

from plugrad.core import Context, Function, Sample, SampleMaker, op


@op("unsafe_view", overrides=(torch.ops.aten._unsafe_view.default,), linear=True, view=True)
class UnsafeView(Function):
    """y = x in the shape given, a view;  gx = gy in the shape of x.

    aten's _unsafe_view is for an x that nobody uses afterwards, so that its y counts as no view.
    Ours does: a change of y in place is one of x, whoever uses it.
    """

    @staticmethod
    def forward(ctx: Context, x: Tensor, size: Sequence[int]) -> Tensor:
        ctx.x_shape = x.shape
        return x.view(size)

    @staticmethod
    def backward(ctx: Context, gy: Tensor) -> Tensor:
        return gy.reshape(ctx.x_shape)

    @staticmethod
    def samples(make: SampleMaker) -> Iterator[Sample]:
        yield Sample(make(3, 4), (2, 6))
        yield Sample(make(3, 4), [2, -1])
        yield Sample(make(3, 4), size=(12,))
        yield Sample(make.complex(2, 3), (3, 2))
        yield Sample(make(0, 3), (3, 0))
        yield Sample(make(), (1, 1))
        yield Sample(make(1), ())
