"""aminmax: the smallest and the largest element, of all or along a dimension."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor

from plugrad.core import Context, Function, Sample, SampleMaker, op
from plugrad.ops._number import number
from plugrad.ops.reduction._dims import normal_dims
from plugrad.ops.reduction._extremum import shared


@op("aminmax", methods=("aminmax",), overrides=(torch.aminmax, torch.ops.aten.aminmax.default))
class Aminmax(Function):
    """y = the smallest of x over dim, z = the largest;  gx = gy shared by the y, gz by the z.

    Elements that tie share equally. A nan makes both nan, and then gx is nan too.
    """

    @staticmethod
    def forward(ctx: Context, x: Tensor, *, dim: int | None = None, keepdim: bool = False) -> Any:
        dim = number(dim)
        both = torch.aminmax(x, dim=dim, keepdim=keepdim)
        ctx.save_for_backward(x, *both)
        ctx.dims = normal_dims(x, dim)
        ctx.set_materialize_grads(False)
        return both

    @staticmethod
    def backward(ctx: Context, *gradients: Tensor | None) -> Tensor | None:
        x, *extremes = ctx.saved_tensors
        gx = None
        for g, y in zip(gradients, extremes, strict=True):
            if g is not None:
                part = shared(g, x, y, ctx.dims)
                gx = part if gx is None else gx + part
        return gx

    @staticmethod
    def samples(make: SampleMaker) -> Iterator[Sample]:
        yield Sample(make.distinct(3, 4))
        yield Sample(make.distinct(3, 4), dim=1)
        yield Sample(make.distinct(2, 3, 2), dim=-2, keepdim=True)
        yield Sample(make.distinct(3, 4), keepdim=True)
        yield Sample(make.distinct(3, 4), axis=0)
        yield Sample(make.tensor([1.0, 3.0, 3.0, 1.0, 2.0])).at_kink()
        yield Sample(make.tensor([[1.0, 3.0, 3.0], [2.0, 2.0, 2.0]]), dim=1).at_kink()
        yield Sample(make.tensor([[1.0, float("nan"), 3.0], [2.0, 4.0, 1.0]]), dim=1)
        yield Sample(make.integers(3, 4), dim=0)
        yield Sample(make())
        yield Sample(make(), dim=0)
        yield Sample(make(0, 3), dim=1)
        yield Sample(make.tensor([0.0, 1.0, 2.0]))
        yield Sample(make.tensor([0.0, -1.0, -2.0]))
