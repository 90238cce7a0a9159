"""sort_stable: sort with its arguments by name, as torch's primitive takes them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor

from plugrad.core import Context, Function, Sample, SampleMaker, op
from plugrad.ops.sorting._chosen import gradient, keep


@op("sort_stable", overrides=(torch.ops.aten.sort.stable,))
class SortStable(Function):
    """y = x in ascending or descending order along dim, and the indices;  gx = gy at these."""

    @staticmethod
    def forward(
        ctx: Context, x: Tensor, *, stable: bool | None, dim: int = -1, descending: bool = False
    ) -> Any:
        values, indices = torch.sort(x, dim=dim, descending=descending, stable=stable)
        chosen = torch.return_types.sort((values, indices))
        return keep(ctx, chosen, x, dim)

    @staticmethod
    def backward(ctx: Context, gy: Tensor | None, *_: Tensor | None) -> Tensor | None:
        return gradient(ctx, gy)

    @staticmethod
    def samples(make: SampleMaker) -> Iterator[Sample]:
        yield Sample(make.distinct(3, 4), stable=True)
        yield Sample(make.distinct(3, 3), stable=False, dim=0)
        yield Sample(make.distinct(2, 3, 4), stable=True, dim=1, descending=True)
        yield Sample(make.tensor([1.0, 3.0, 3.0, 2.0]), stable=True)
        yield Sample(make.tensor([0.0, -1.0]), stable=True)
        yield Sample(make(), stable=True)
        yield Sample(make(0, 3), stable=True)
