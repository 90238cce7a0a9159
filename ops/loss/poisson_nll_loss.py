"""nn.functional.poisson_nll_loss: how improbable counts are, of Poisson distributions."""

from __future__ import annotations

import math
from collections.abc import Iterator

import torch
from torch import Tensor

from plugrad.core import Composite, Sample, SampleMaker, op
from plugrad.ops._float32 import in_float32
from plugrad.ops.loss._reduction import REDUCTIONS, reduced, reduction_code


@op(
    "nn.functional.poisson_nll_loss",
    overrides=(torch.nn.functional.poisson_nll_loss,),
    aliases={"target": "y"},
)
class PoissonNllLoss(Composite):
    """z = exp(x) - y x, or without log_input x - y log(x + eps); averaged, summed, or neither.

    full adds Stirling's formula for log(y!), y log(y) - y + log(2 pi y) / 2, where y > 1.
    """

    @staticmethod
    def forward(
        x: Tensor,
        y: Tensor,
        log_input: bool = True,
        full: bool = False,
        size_average: bool | None = None,
        eps: float = 1e-8,
        reduce: bool | None = None,
        reduction: str = "mean",
    ) -> Tensor:
        older = size_average is not None or reduce is not None
        if not older and reduction not in REDUCTIONS:  # torch says what is wrong
            torch.nn.functional.poisson_nll_loss(x.data, y.data, reduction=reduction)
        x, y = in_float32(x, y)
        terms = x.exp() - y * x if log_input else x - y * (x + eps).log()
        if full:
            many = torch.where(y > 1, y, 1)  # whose logarithm has a gradient
            stirling = many * many.log() - many + 0.5 * (2 * math.pi * many).log()
            terms = (terms + stirling.masked_fill(y <= 1, 0)).to(terms.dtype)
        return reduced(terms, reduction_code(size_average, reduce, reduction))

    @staticmethod
    def samples(make: SampleMaker) -> Iterator[Sample]:
        for reduction in ("none", "mean", "sum"):
            yield Sample(make(2, 3), make(2, 3, low=0.5), reduction=reduction)
            counts = make.integers(2, 3)
            yield Sample(make(2, 3, low=0.2), counts, False, True, reduction=reduction)
        zero = Sample(make(3), make.tensor([0.0, 2.0, 3.5]), full=True)
        yield zero.without_oracle("the gradient of a target of 0 is nan")
        yield Sample(make(2, 3, low=0.2), target=make(3, low=0.2), log_input=False, eps=0.5)
        yield Sample(make(2), make(2), size_average=False)
        yield Sample(make(2), make(2), reduce=False)
        yield Sample(make(), make())
        yield Sample(make(0, 3), make(0, 3), reduction="sum")
        yield Sample(make(2), make(2), reduction="all").raises(ValueError, "not a valid value")
