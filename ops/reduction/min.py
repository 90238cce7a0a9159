"""min: the smallest element, the smallests along a dimension, or those of two tensors."""

from __future__ import annotations

from collections.abc import Iterator
from operator import gt
from typing import Any

import torch
from torch import Tensor

from plugrad.core import Context, Function, Sample, SampleMaker, op
from plugrad.ops.reduction import _extremum


@op(
    "min",
    methods=("min",),
    overrides=(torch.min, torch.ops.aten.min.other, torch.ops.aten.min.default),
    aliases={"axis": "dim"},
    broadcasts=True,
)
class Min(Function):
    """z = min x, or along a dim, or of x and y;  gx = gz where x is the min, else 0.

    Elements that tie share gz equally, and so do nans, which win over every number. Along
    a dim there is no sharing: the element at the returned index gets all of gz. Of a pair
    with a nan both get all of it.
    """

    @staticmethod
    def forward(
        ctx: Context,
        x: Tensor,
        y: Tensor | int | None = None,
        keepdim: bool | None = None,
        *,
        dim: int | None = None,
    ) -> Any:
        return _extremum.forward(ctx, torch.min, x, y, keepdim, dim)

    @staticmethod
    def backward(ctx: Context, gz: Tensor, *_: Tensor | None) -> Any:
        return _extremum.backward(ctx, gz, loses=gt)

    @staticmethod
    def samples(make: SampleMaker) -> Iterator[Sample]:
        yield Sample(make.distinct(3, 4))
        yield Sample(make.tensor([1.0, 3.0, 3.0, 1.0, 2.0])).at_kink()
        yield Sample(make.tensor([1.0, float("nan"), 3.0, float("nan")]))
        yield Sample(make.integers(3, 4))
        yield Sample(make())
        yield Sample(make.distinct(3, 4), 1)
        yield Sample(make.distinct(3, 4), -2, True)
        yield Sample(make.distinct(3, 4), dim=0, keepdim=True)
        yield Sample(make.distinct(3, 4), dim=0)
        yield Sample(make.distinct(3, 4), make.tensor(1, dtype=torch.int64), False)
        yield Sample(make.tensor([[1.0, 3.0, 3.0], [2.0, float("nan"), 1.0]]), 1)
        yield Sample(make.integers(3, 4), 0)
        yield Sample(make(), 0)
        yield Sample(make(0, 3), 1)
        yield Sample(make.distinct(3, 4), make.distinct(3, 4))
        yield Sample(make.distinct(3, 1), make.distinct(2, 1, 4))
        yield Sample(make(3), other=make(3))
        yield Sample(make(3), make(3, dtype=torch.float32))
        yield Sample(make(3), make.integers(2, 3))
        yield Sample(make.tensor([1.0, 2.0, 3.0]), make.tensor([1.0, 3.0, 2.0])).at_kink()
        yield Sample(make.tensor([1.0, float("nan")]), make.tensor([float("nan"), 2.0]))
        yield Sample(make(0, 3), make(3))
        yield Sample(make.tensor([0.0, 1.0]))
        yield Sample(make.tensor([0.0, 1.0]), make.tensor([1.0, 0.0]))
