"""logit: the inverse of the sigmoid."""

from __future__ import annotations

import math
from collections.abc import Iterator

import torch
from torch import Tensor

from plugrad.core import Context, Function, Sample, SampleMaker, op
from plugrad.ops._number import number


@op(
    "logit",
    methods=("logit",),
    overrides=(
        torch.logit,
        torch.special.logit,
        torch.ops.aten.logit.default,
        torch.ops.aten.special_logit.default,
    ),
    elementwise=True,
    inplace=True,
)
class Logit(Function):
    """y = log(x / (1 - x));  gx = gy / (x (1 - x)), infinite at 0 and 1 and nan beyond.

    With eps x is first clamped to [eps, 1 - eps], and gx = 0 where that changes it. A negative
    eps is none.
    """

    @staticmethod
    def forward(ctx: Context, x: Tensor, eps: float | None = None) -> Tensor:
        ctx.save_for_backward(x)
        eps = number(eps)
        ctx.eps = None if eps is None or eps < 0 else eps
        return torch.logit(x, eps)

    @staticmethod
    def backward(ctx: Context, gy: Tensor) -> Tensor:
        (x,) = ctx.saved_tensors
        low = ctx.eps or 0.0
        inside = (x >= low) & (x <= 1 - low)
        safe = torch.where(inside, x, 0.5)  # elsewhere the second derivative would be nan, not 0
        outside = math.nan if ctx.eps is None else 0.0
        return torch.where(inside, gy / (safe * (1 - safe)), outside)

    @staticmethod
    def samples(make: SampleMaker) -> Iterator[Sample]:
        yield Sample(make(3, 4, domain="probability"))
        yield Sample(make(5, domain="probability"), 0.2)
        yield Sample(make.tensor([-0.5, 0.1, 0.3, 0.7, 0.95, 1.5]), eps=0.2)
        yield Sample(make.tensor([0.25, 0.5, 0.75]), 0.25).at_kink()
        yield Sample(make(3, domain="probability"), eps=-1.0)
        yield Sample(make(domain="probability"))
        yield Sample(make(0, 3))
        yield Sample(make.tensor([0.0, 0.25, 1.0]), eps=0.0)
        yield Sample(make.tensor([-0.5, 0.25, 1.5]))
        yield Sample(make.tensor([0.0, 0.25, 1.0]))
