"""topk: the k largest elements along a dimension, or the smallest."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor

from plugrad.core import Context, Function, Sample, SampleMaker, op
from plugrad.ops._number import number
from plugrad.ops.sorting._chosen import gradient, keep


@op("topk", methods=("topk",), overrides=(torch.topk, torch.ops.aten.topk.default))
class Topk(Function):
    """y = the k largest of x along dim, and their indices;  gx = gy at these, else 0.

    With largest=False the smallest. If elements tie, those at the indices get the gradient.
    """

    @staticmethod
    def forward(
        ctx: Context,
        x: Tensor,
        k: int,
        dim: int = -1,
        largest: bool = True,
        sorted: bool = True,
    ) -> Any:
        k = number(k)
        return keep(ctx, torch.topk(x, k, dim, largest, sorted), x, dim)

    @staticmethod
    def backward(ctx: Context, gy: Tensor | None, *_: Tensor | None) -> Tensor | None:
        return gradient(ctx, gy)

    @staticmethod
    def samples(make: SampleMaker) -> Iterator[Sample]:
        yield Sample(make.distinct(3, 4), 2)
        yield Sample(make.distinct(3, 4), 2, 0)
        yield Sample(make.distinct(2, 3, 4), 2, dim=1, largest=False)
        yield Sample(make.distinct(5), k=5, sorted=True)
        yield Sample(make.distinct(5), 1, -1, False, True)
        yield Sample(make.distinct(5), 3, sorted=False)
        yield Sample(make.tensor([1.0, 3.0, 3.0, 2.0]), 2)
        yield Sample(make.tensor([0.0, -1.0, 2.0]), 2)
        yield Sample(make.distinct(3, 4), 0)
        yield Sample(make(), 1)
        yield Sample(make(0, 3), 2)
        yield Sample(make.integers(5), 2)
        yield Sample(make.distinct(3), 4).raises(RuntimeError, "out of range")
