"""std: the standard deviation of all elements, or of those along some dimensions."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from plugrad.core import Context, Function, Sample, SampleMaker, op
from plugrad.ops.reduction._dims import Dim, normal_dims, unreduced
from plugrad.ops.reduction._variance import arguments, std_gradient


@op("std", methods=("std",), overrides=(torch.std, torch.ops.aten.std.correction))
class Std(Function):
    """y = sqrt(v), v the variance;  gx = gv dv/dx with gv = gy / (2 y).

    Where y = 0, all elements are the same and gx is 0. Without a positive n - correction
    (see var), y and gx are nan or infinite.
    """

    @staticmethod
    def forward(
        ctx: Context,
        x: Tensor,
        dim: Dim | bool = None,
        unbiased: bool | None = None,
        keepdim: bool = False,
        *,
        correction: float | None = None,
    ) -> Tensor:
        dim, options = arguments(dim, unbiased, keepdim, correction)
        y: Tensor = torch.std(x, dim, **options)
        ctx.save_for_backward(x, y)
        ctx.dims, ctx.correction = normal_dims(x, dim), options["correction"]
        return y

    @staticmethod
    def backward(ctx: Context, gy: Tensor) -> Tensor:
        x, y = ctx.saved_tensors
        gy = unreduced(gy, x.shape, ctx.dims)
        y = unreduced(y, x.shape, ctx.dims)
        return std_gradient(gy, x, y, ctx.dims, ctx.correction)

    @staticmethod
    def samples(make: SampleMaker) -> Iterator[Sample]:
        yield Sample(make(3, 4))
        yield Sample(make(3, 4), False)
        yield Sample(make(3, 4), 0)
        yield Sample(make(3, 4), 0, False)
        yield Sample(make(3, 4), [1], True, True)
        yield Sample(make(2, 3, 2), (0, -1), keepdim=True)
        yield Sample(make(3, 4), unbiased=False)
        yield Sample(make(3, 4), dim=1, unbiased=True)
        yield Sample(make(3, 4), correction=0)
        yield Sample(make(4, 3), axis=0, correction=2, keepdims=True)
        yield Sample(make(3, 4), None, correction=0.5, keepdim=True)
        yield Sample(make.complex(3, 2))
        yield Sample(make.complex(3, 2), 0)
        yield Sample(make.tensor([1.5, 1.5, 1.5])).at_kink()
        yield Sample(make.tensor([[1.5, 1.5], [1.0, 2.0]]), 1).at_kink()
        yield Sample(make(), correction=0)
        yield Sample(make(), 0, False)
