"""sort: the elements along a dimension, in order."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor

from plugrad.core import Context, Function, Sample, SampleMaker, op
from plugrad.ops.sorting._chosen import gradient, keep


@op("sort", methods=("sort",), overrides=(torch.sort, torch.ops.aten.sort.default))
class Sort(Function):
    """y = x in ascending or descending order along dim, and the indices;  gx = gy at these.

    With stable=True elements that tie keep their order.
    """

    @staticmethod
    def forward(
        ctx: Context,
        x: Tensor,
        dim: int = -1,
        descending: bool = False,
        *,
        stable: bool | None = None,
    ) -> Any:
        return keep(ctx, torch.sort(x, dim=dim, descending=descending, stable=stable), x, dim)

    @staticmethod
    def backward(ctx: Context, gy: Tensor | None, *_: Tensor | None) -> Tensor | None:
        return gradient(ctx, gy)

    @staticmethod
    def samples(make: SampleMaker) -> Iterator[Sample]:
        yield Sample(make.distinct(3, 4))
        yield Sample(make.distinct(3, 4), 0)
        yield Sample(make.distinct(3, 3), 0, True)
        yield Sample(make.distinct(2, 3, 4), dim=1, descending=True)
        yield Sample(make.distinct(5), stable=True)
        yield Sample(make.tensor([1.0, 3.0, 3.0, 2.0]), stable=True)
        yield Sample(make.tensor([0.0, -1.0, float("nan"), 2.0]))
        yield Sample(make())
        yield Sample(make(0, 3))
        yield Sample(make.integers(5))
