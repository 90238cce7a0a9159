"""var: the variance of all elements, or of those along some dimensions."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from plugrad.core import Context, Function, Sample, SampleMaker, op
from plugrad.ops.reduction._dims import Dim, normal_dims, unreduced
from plugrad.ops.reduction._variance import arguments, var_gradient


@op("var", methods=("var",), overrides=(torch.var, torch.ops.aten.var.correction))
class Var(Function):
    """y = sum of |x - mean|^2 / (n - correction);  gx = 2 gy (x - mean) / (n - correction).

    n counts the elements along dim; unbiased means a correction of 1, which is also the
    default, and biased one of 0. Without a positive n - correction, y and gx are nan or
    infinite.
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
        y: Tensor = torch.var(x, dim, **options)
        ctx.save_for_backward(x)
        ctx.dims, ctx.correction = normal_dims(x, dim), options["correction"]
        return y

    @staticmethod
    def backward(ctx: Context, gy: Tensor) -> Tensor:
        (x,) = ctx.saved_tensors
        gy = unreduced(gy, x.shape, ctx.dims)
        return var_gradient(gy, x, ctx.dims, ctx.correction)

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
        yield Sample(make.tensor([1.5, 1.5, 1.5]))
        yield Sample(make.tensor([[1.5, 1.5], [1.0, 2.0]]), 1)
        yield Sample(make(), correction=0)
        yield Sample(make(), 0, False)
