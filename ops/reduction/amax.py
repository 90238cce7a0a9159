"""amax: the largest of all elements, or of those along some dimensions."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from plugrad.core import Context, Function, Sample, SampleMaker, op
from plugrad.ops._number import number
from plugrad.ops.reduction._dims import Dim, normal_dims
from plugrad.ops.reduction._extremum import shared


@op("amax", methods=("amax",), overrides=(torch.amax, torch.ops.aten.amax.default))
class Amax(Function):
    """y = the largest of x over dim;  gx = gy / k at each of the k elements equal to y, else 0.

    So elements that tie share gy equally. A nan makes y nan, and then gx is nan too.
    """

    @staticmethod
    def forward(ctx: Context, x: Tensor, dim: Dim = (), keepdim: bool = False) -> Tensor:
        dim = number(dim)
        y = torch.amax(x, dim, keepdim)
        ctx.save_for_backward(x, y)
        ctx.dims = normal_dims(x, dim)
        return y

    @staticmethod
    def backward(ctx: Context, gy: Tensor) -> Tensor:
        x, y = ctx.saved_tensors
        return shared(gy, x, y, ctx.dims)

    @staticmethod
    def samples(make: SampleMaker) -> Iterator[Sample]:
        yield Sample(make.distinct(3, 4))
        yield Sample(make.distinct(3, 4), 1)
        yield Sample(make.distinct(2, 3, 2), (0, -1))
        yield Sample(make.distinct(2, 3, 2), [1], True)
        yield Sample(make.distinct(3, 4), dim=-1, keepdim=True)
        yield Sample(make.distinct(3, 4), keepdim=True)
        yield Sample(make.distinct(3, 4), dim=())
        yield Sample(make.tensor([1.0, 3.0, 3.0, 1.0, 2.0])).at_kink()
        yield Sample(make.tensor([[1.0, 3.0, 3.0], [2.0, 2.0, 2.0]]), 1).at_kink()
        yield Sample(make.tensor([[1.0, float("nan"), 3.0], [2.0, 2.0, 1.0]]), 1)
        yield Sample(make.integers(3, 4), 0)
        yield Sample(make.booleans(4))
        yield Sample(make())
        yield Sample(make(), 0)
        yield Sample(make(0, 3), 1)
        yield Sample(make.tensor([0.0, -1.0]))
