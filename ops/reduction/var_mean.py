"""var_mean: the variance and the mean, of all elements or along some dimensions."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from plugrad.core import Context, Function, Sample, SampleMaker, op
from plugrad.ops.reduction._dims import Dim, mean_gradient, normal_dims, unreduced
from plugrad.ops.reduction._variance import arguments, var_gradient


@op("var_mean", overrides=(torch.var_mean, torch.ops.aten.var_mean.correction))
class VarMean(Function):
    """(y, m) = (var(x), mean(x));  gx = 2 gy (x - m) / (n - correction) + gm / n.

    Arguments, and what happens without a positive n - correction, as in var.
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
    ) -> tuple[Tensor, Tensor]:
        dim, options = arguments(dim, unbiased, keepdim, correction)
        y, m = torch.var_mean(x, dim, **options)
        ctx.save_for_backward(x)
        ctx.set_materialize_grads(False)
        ctx.dims, ctx.correction = normal_dims(x, dim), options["correction"]
        return y, m

    @staticmethod
    def backward(ctx: Context, gy: Tensor | None, gm: Tensor | None) -> Tensor | None:
        (x,) = ctx.saved_tensors
        gx = None if gm is None else mean_gradient(gm, x.shape, ctx.dims)
        if gy is None:
            return gx
        gy = unreduced(gy, x.shape, ctx.dims)
        gvar = var_gradient(gy, x, ctx.dims, ctx.correction)
        return gvar if gx is None else gvar + gx

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
        yield Sample(make.tensor([0.0, 1.0, 3.0]))
