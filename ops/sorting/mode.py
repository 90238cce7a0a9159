"""mode: the most common element along a dimension."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor

from plugrad.core import Context, Function, Sample, SampleMaker, op
from plugrad.ops.sorting._chosen import gradient, keep


@op("mode", methods=("mode",), overrides=(torch.mode, torch.ops.aten.mode.default))
class Mode(Function):
    """y = the most common value of x along dim, and an index of it;  gx = gy at this, else 0."""

    @staticmethod
    def forward(
        ctx: Context,
        x: Tensor,
        dim: int = -1,
        keepdim: bool = False,
    ) -> Any:
        return keep(ctx, torch.mode(x, dim, keepdim), x, dim, keepdim)

    @staticmethod
    def backward(ctx: Context, gy: Tensor | None, *_: Tensor | None) -> Tensor | None:
        return gradient(ctx, gy)

    @staticmethod
    def samples(make: SampleMaker) -> Iterator[Sample]:
        yield Sample(make.distinct(3, 4))
        yield Sample(make.distinct(3, 4), 0)
        yield Sample(make.distinct(2, 3, 4), dim=1, keepdim=True)
        yield Sample(make.distinct(3, 3), 0, True)
        yield Sample(make.tensor([[1.0, 3.0, 3.0], [2.0, 2.0, 0.0]]), 1).at_kink()
        yield Sample(make.tensor([0.0, 1.0]))
        yield Sample(make())
        yield Sample(make(0, 3))
        yield Sample(make.integers(5))
