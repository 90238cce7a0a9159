"""mvlgamma: the logarithm of the multivariate gamma function."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from plugrad.core import Context, Function, Sample, SampleMaker, op
from plugrad.ops._number import number


@op(
    "mvlgamma",
    methods=("mvlgamma",),
    overrides=(
        torch.mvlgamma,
        torch.special.multigammaln,
        torch.ops.aten.mvlgamma.default,
        torch.ops.aten.special_multigammaln.default,
    ),
    elementwise=True,
    inplace=True,
    waives={"magnitudes": "small numbers are outside of its domain, beside poles"},
)
class Mvlgamma(Function):
    """y = p (p - 1) / 4 log(pi) + sum of lgamma(x - j / 2), j from 0 to p - 1.

    gx = gy sum of digamma(x - j / 2). It is meant for x > (p - 1) / 2.
    """

    @staticmethod
    def forward(ctx: Context, x: Tensor, p: int) -> Tensor:
        ctx.save_for_backward(x)
        ctx.p = number(p)
        return torch.mvlgamma(x, ctx.p)

    @staticmethod
    def backward(ctx: Context, gy: Tensor) -> Tensor:
        (x,) = ctx.saved_tensors
        slope = x.digamma()
        for j in range(1, ctx.p):
            slope = slope + (x - j / 2).digamma()
        return gy * slope

    @staticmethod
    def samples(make: SampleMaker) -> Iterator[Sample]:
        yield Sample(make(3, 4, low=0.3), 1)
        yield Sample(make(3, low=0.8, high=4), 2)
        yield Sample(make(3, low=2.3, high=6), p=5)
        yield Sample(make.tensor([1.5, 2.0, 30.0]), 3)
        yield Sample(make.integers(3, low=2), 2)
        yield Sample(make(low=1.3), 3)
        yield Sample(make(0, 3), 2)
        yield Sample(make(3, low=1.3), 0).raises(RuntimeError, "p has to be greater than or equal")
