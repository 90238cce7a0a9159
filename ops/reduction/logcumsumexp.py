"""logcumsumexp: the running logsumexp along a dimension."""

from __future__ import annotations

from collections.abc import Iterator
from math import nan

import torch
from torch import Tensor

from plugrad.core import Context, Function, Sample, SampleMaker, conj, op
from plugrad.ops.reduction._recurrence import recurrence


@op(
    "logcumsumexp",
    methods=("logcumsumexp",),
    overrides=(
        torch.logcumsumexp,
        torch.ops.aten.logcumsumexp.default,
        torch.ops.aten._logcumsumexp.default,
    ),
)
class Logcumsumexp(Function):
    """y[i] = log(exp(x[0]) + ... + exp(x[i]));  gx[k] = conj(exp(x[k] - y[k])) t[k].

    t[k] = gy[k] / conj(total[k]) + conj(exp(y[k] - y[k+1])) t[k+1], t[n] = 0: of real numbers no
    exponential is above 1. total[k] = exp(x[0] - y[k]) + ... + exp(x[k] - y[k]) is 1 but for y's
    rounding: of large numbers y has no digits left for what exp needs. Where x and y are both
    infinite, of one sign, gx is nan.
    """

    @staticmethod
    def forward(ctx: Context, x: Tensor, dim: int) -> Tensor:
        y = torch.logcumsumexp(x, dim)
        ctx.dim = int(dim)
        ctx.save_for_backward(x, y)
        return y

    @staticmethod
    def backward(ctx: Context, gy: Tensor) -> Tensor:
        x, y = ctx.saved_tensors
        if x.dim() == 0 or x.numel() == 0:
            return gy
        dim, last = ctx.dim, x.size(ctx.dim) - 1
        now, then = y.narrow(dim, 0, last), y.narrow(dim, 1, last)
        stays = (now == then).logical_and(now.isinf())  # inf - inf would be nan
        factors = torch.where(stays, 0.0, now - then).exp()
        undefined = (x == y).logical_and(x.isinf())
        shares = torch.where(undefined, 0.0, x - y).exp()
        totals = recurrence(shares.flip(dim), factors.flip(dim), dim).flip(dim)
        t = recurrence(gy / conj(totals), conj(factors), dim)
        # The nan is put where it belongs: multiplied, it would spread in second derivatives.
        return torch.where(undefined, nan, t * conj(shares))

    @staticmethod
    def samples(make: SampleMaker) -> Iterator[Sample]:
        infinity = float("inf")
        yield Sample(make(3, 4), 0)
        yield Sample(make(3, 5), -1)
        yield Sample(make(8), dim=0)
        yield Sample(make(1, 3), axis=0)
        yield Sample(make.complex(5), 0)
        yield Sample(make.tensor([0.0, 50.0, -50.0, 1.0]), 0)
        yield Sample(make.tensor([[0.0, -infinity, 1.0], [2.0, 0.5, -infinity]]), 1)
        for numbers in ([-infinity, -infinity, 0.5, 0.0], [1.0, infinity, infinity, 0.0]):
            yield Sample(make.tensor(numbers), 0)
        yield Sample(make(), 0)
        yield Sample(make(0, 3), 0)
        yield Sample(make(0, 3), 1)
