"""min_dim: the smallest elements along a dimension, with their places: aten's own overload."""

from __future__ import annotations

from collections.abc import Iterator
from operator import gt
from typing import Any

import torch
from torch import Tensor

from plugrad.core import Context, Function, Sample, SampleMaker, op
from plugrad.ops.reduction import _extremum


@op("min_dim", overrides=(torch.ops.aten.min.dim,))
class MinDim(Function):
    """y = the smallest of x along dim, and where it is;  gx = gy there, else 0.

    Of elements that tie, the one at the returned index gets all of gy. Beside min, whose second
    argument may be a tensor.
    """

    @staticmethod
    def forward(ctx: Context, x: Tensor, dim: int, keepdim: bool = False) -> Any:
        return _extremum.forward(ctx, torch.min, x, None, keepdim, dim)

    @staticmethod
    def backward(ctx: Context, gy: Tensor, *_: Tensor | None) -> Any:
        return _extremum.backward(ctx, gy, loses=gt)

    @staticmethod
    def samples(make: SampleMaker) -> Iterator[Sample]:
        yield Sample(make.distinct(3, 4), 1)
        yield Sample(make.distinct(3, 4), -2, True)
        yield Sample(make.distinct(3, 4), dim=0)
        yield Sample(make.distinct(2, 3, 2), 1, keepdim=False)
        yield Sample(make.tensor([[1.0, 3.0, 3.0], [2.0, float("nan"), 1.0]]), 1)
        yield Sample(make.tensor([0.0, 1.0]), 0)
        yield Sample(make.integers(3, 4), 0)
        yield Sample(make(), 0)
        yield Sample(make(0, 3), 1)
