"""neg_view: the negative of a tensor in the same memory."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from plugrad.core import Context, Function, Sample, SampleMaker, op


@op(
    "neg_view",
    overrides=(torch._neg_view, torch.ops.aten._neg_view.default),
    linear=True,
    elementwise=True,
    view=True,
)
class NegView(Function):
    """y = -x, a view that is marked as negative;  gx = -gy."""

    @staticmethod
    def forward(ctx: Context, x: Tensor) -> Tensor:
        return torch._neg_view(x)

    @staticmethod
    def backward(ctx: Context, gy: Tensor) -> Tensor:
        return -gy

    @staticmethod
    def samples(make: SampleMaker) -> Iterator[Sample]:
        yield Sample(make(3, 4))
        yield Sample(make.complex(3))
        yield Sample(make())
        yield Sample(make(0, 3))
