"""kthvalue: the k-th smallest element along a dimension."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor

from plugrad.core import Context, Function, Sample, SampleMaker, op
from plugrad.ops._number import number
from plugrad.ops.sorting._chosen import gradient, keep


@op("kthvalue", methods=("kthvalue",), overrides=(torch.kthvalue, torch.ops.aten.kthvalue.default))
class Kthvalue(Function):
    """y = the k-th smallest of x along dim, and its index;  gx = gy at this, else 0.

    Of elements that tie, the one at the index gets the gradient.
    """

    @staticmethod
    def forward(
        ctx: Context,
        x: Tensor,
        k: int,
        dim: int = -1,
        keepdim: bool = False,
    ) -> Any:
        k = number(k)
        return keep(ctx, torch.kthvalue(x, k, dim, keepdim), x, dim, keepdim)

    @staticmethod
    def backward(ctx: Context, gy: Tensor | None, *_: Tensor | None) -> Tensor | None:
        return gradient(ctx, gy)

    @staticmethod
    def samples(make: SampleMaker) -> Iterator[Sample]:
        yield Sample(make.distinct(3, 4), 2)
        yield Sample(make.distinct(3, 4), 1, 0)
        yield Sample(make.distinct(2, 3, 4), 2, dim=1, keepdim=True)
        yield Sample(make.distinct(3, 3), 2, 0)
        yield Sample(make.distinct(5), k=5)
        yield Sample(make.tensor([1.0, 3.0, 3.0, 2.0]), 3)
        yield Sample(make.tensor([0.0, -1.0, 2.0]), 2)
        yield Sample(make(), 1)
        yield Sample(make(0, 3), 2)
        yield Sample(make.integers(5), 2)
        yield Sample(make.distinct(3), 4).raises(RuntimeError, "out of range")
