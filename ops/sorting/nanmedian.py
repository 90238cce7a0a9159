"""nanmedian: the middle one of the elements that are not nan."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor

from plugrad.core import Context, Function, Sample, SampleMaker, op
from plugrad.ops._number import number
from plugrad.ops.sorting._chosen import gradient, keep


@op(
    "nanmedian",
    methods=("nanmedian",),
    overrides=(torch.nanmedian, torch.ops.aten.nanmedian.default, torch.ops.aten.nanmedian.dim),
)
class NanMedian(Function):
    """y = the middle one of the x that are not nan, the lower of two;  gx = gy there, else 0.

    Along a dim its index comes with it, and the element there gets the gradient. Without, elements
    that tie share it equally. If all are nan, so is y, and they share it.
    """

    @staticmethod
    def forward(ctx: Context, x: Tensor, dim: int | None = None, keepdim: bool = False) -> Any:
        if dim is not None:
            ctx.whole = False
            # Along an expanded dimension torch's kernel reads beyond the memory.
            return keep(ctx, torch.nanmedian(x.contiguous(), number(dim), keepdim), x, dim, keepdim)
        y = torch.nanmedian(x)
        ctx.whole = True
        ctx.save_for_backward(x, y)
        return y

    @staticmethod
    def backward(ctx: Context, gy: Tensor | None, *_: Tensor | None) -> Tensor | None:
        if not ctx.whole:
            return gradient(ctx, gy)
        x, y = ctx.saved_tensors
        chosen = (x == y).logical_or(x.isnan().logical_and(y.isnan()))
        return torch.where(chosen, gy / chosen.sum(), 0.0)

    @staticmethod
    def samples(make: SampleMaker) -> Iterator[Sample]:
        nan = float("nan")
        yield Sample(make.distinct(3, 4))
        yield Sample(make.distinct(5))
        yield Sample(make.distinct(3, 4), 1)
        yield Sample(make.distinct(3, 5), -2, True)
        yield Sample(make.distinct(2, 3, 4), dim=1, keepdim=True)
        yield Sample(make.distinct(3, 3), dim=0)
        yield Sample(make.tensor([1.0, 2.0, 2.0, 3.0])).at_kink()
        yield Sample(make.tensor([[1.0, nan, 2.0], [0.0, -1.0, 2.0]]))
        yield Sample(make.tensor([[1.0, nan, 2.0], [0.0, -1.0, 2.0]]), 1)
        yield Sample(make.tensor([nan, nan]))
        yield Sample(make.tensor([0.0, -1.0, 2.0]))
        yield Sample(make.tensor([0.0, -1.0, 2.0]), 0)
        yield Sample(make.integers(3, 4))
        yield Sample(make.integers(3, 4), 0)
        yield Sample(make())
        yield Sample(make(), 0)
        yield Sample(make(0, 3), 1)
