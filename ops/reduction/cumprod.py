"""cumprod: the running product along a dimension."""

from __future__ import annotations

from collections.abc import Iterator
from math import inf

import torch
from torch import Tensor

from plugrad.core import Context, Function, Sample, SampleMaker, conj, op
from plugrad.ops._possibly import possibly
from plugrad.ops.reduction._dims import cast
from plugrad.ops.reduction._recurrence import (
    absorbing_recurrence,
    product_of_finite,
    recurrence,
)


@op(
    "cumprod",
    methods=("cumprod",),
    overrides=(torch.cumprod, torch.ops.aten.cumprod.default),
    inplace=True,
)
class Cumprod(Function):
    """y[i] = x[0] ... x[i];  gx[k] = conj(y[k-1]) t[k],  t[k] = gy[k] + conj(x[k+1]) t[k+1].

    Here y[-1] = 1 and t[n] = 0. There is no division, so zeros in x need no care, and an
    infinite one has a finite gradient beside finite ones, where torch has nan. An infinite
    gy adds nothing where a zero in x keeps its element from changing.
    """

    @staticmethod
    def forward(ctx: Context, x: Tensor, dim: int, *, dtype: torch.dtype | None = None) -> Tensor:
        y = torch.cumprod(x, dim, dtype=dtype)
        ctx.save_for_backward(x, y)
        ctx.dim = int(dim)
        return y

    @staticmethod
    def backward(ctx: Context, gy: Tensor) -> Tensor:
        x, y = ctx.saved_tensors
        x, x_dtype = cast(x, y.dtype), x.dtype
        if x.dim() == 0 or x.numel() == 0:
            return cast(gy, x_dtype)
        dim, last = ctx.dim, x.size(ctx.dim) - 1
        before = torch.cat([torch.ones_like(y.narrow(dim, 0, 1)), y.narrow(dim, 0, last)], dim)
        factors, before = conj(x.narrow(dim, 1, last)), conj(before)
        # If these are finite, then so is each product of neighbours, which the steps below make.
        size = x.detach().abs()
        finite = size.clamp(min=1).prod(dim).isfinite()
        if not possibly(~(finite & (size != 0).all(dim)), True):
            gx = recurrence(gy, factors, dim) * before
        elif not possibly(~size.isfinite(), True):
            gx = product_of_finite(recurrence(gy, factors, dim, product_of_finite), before)
        else:
            gx = absorbing_recurrence(gy, factors, before, dim)
        return cast(gx, x_dtype)

    @staticmethod
    def samples(make: SampleMaker) -> Iterator[Sample]:
        yield Sample(make(3, 4), 0)
        yield Sample(make(3, 5), -1)
        yield Sample(make(8), dim=0)
        yield Sample(make(1, 3), axis=0)
        yield Sample(make.complex(5), 0)
        yield Sample(make.tensor([2.0, 0.0, 3.0, 0.0, 1.5]), 0)
        yield Sample(make.tensor([[0.0, 2.0, 3.0], [1.0, 0.0, 0.0]]), 1)
        yield Sample(make.tensor([1j, 0, 2 - 1j], dtype=torch.complex128), 0)
        yield Sample(make.nonzero(4), 0, dtype=torch.float64)
        yield Sample(make.integers(4), 0, dtype=torch.float32)
        yield Sample(make.integers(4), 0)
        infinite = make.tensor([2.0, inf, 3.0, 0.5])
        yield Sample(infinite, 0).without_oracle("it divides by x, and inf / inf is nan")
        yield Sample(make(), 0)
        yield Sample(make(0, 3), 0)
        yield Sample(make(0, 3), 1)
