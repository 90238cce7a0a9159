"""alias: another tensor of the same memory."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from plugrad.core import Context, Function, Sample, SampleMaker, op


@op("alias", overrides=(torch.ops.aten.alias.default,), linear=True, elementwise=True, view=True)
class Alias(Function):
    """y = x, a view;  gx = gy."""

    @staticmethod
    def forward(ctx: Context, x: Tensor) -> Tensor:
        return x.view_as(x)

    @staticmethod
    def backward(ctx: Context, gy: Tensor) -> Tensor:
        return gy

    @staticmethod
    def samples(make: SampleMaker) -> Iterator[Sample]:
        yield Sample(make(3, 4))
        yield Sample(make.complex(3))
        yield Sample(make.integers(3))
        yield Sample(make())
        yield Sample(make(0, 3))
