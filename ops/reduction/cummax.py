"""cummax: the running maximum along a dimension."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor

from plugrad.core import Context, Function, Sample, SampleMaker, op
from plugrad.ops.reduction._running import gradient, keep


@op("cummax", methods=("cummax",), overrides=(torch.cummax, torch.ops.aten.cummax.default))
class Cummax(Function):
    """y[i] = the largest of x[0], ..., x[i], and its index;  gx = the sum of the gy that it gave.

    Of elements that tie, the last one counts. A nan stays.
    """

    @staticmethod
    def forward(ctx: Context, x: Tensor, dim: int) -> Any:
        return keep(ctx, torch.cummax(x, dim), x, dim)

    @staticmethod
    def backward(ctx: Context, gy: Tensor | None, *_: Tensor | None) -> Tensor | None:
        return gradient(ctx, gy)

    @staticmethod
    def samples(make: SampleMaker) -> Iterator[Sample]:
        yield Sample(make.distinct(3, 4), 0)
        yield Sample(make.distinct(3, 5), -1)
        yield Sample(make.distinct(2, 3, 2), dim=1)
        yield Sample(make.distinct(4), axis=0)
        yield Sample(make.tensor([[1.0, 3.0, 3.0], [2.0, float("nan"), 1.0]]), 1)
        yield Sample(make.tensor([0.0, -1.0, 2.0]), 0)
        yield Sample(make.integers(3, 4), 0)
        yield Sample(make(), 0)
        yield Sample(make(0, 3), 1)
