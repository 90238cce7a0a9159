"""nn.functional.gaussian_nll_loss: how improbable numbers are, of normal distributions."""

from __future__ import annotations

import math
from collections.abc import Iterator

import torch
from torch import Tensor

from plugrad.core import Composite, Sample, SampleMaker, op
from plugrad.ops.loss._raised import fixed, raised_to
from plugrad.ops.loss._reduction import REDUCTIONS, reduced


@op(
    "nn.functional.gaussian_nll_loss",
    overrides=(torch.nn.functional.gaussian_nll_loss,),
    aliases={"target": "y"},
)
class GaussianNllLoss(Composite):
    """z = (log(var) + (x - y)^2 / var) / 2, averaged, summed, or neither; full adds log(2 pi) / 2.

    A variance below eps counts as eps, and its gradient is that of eps. var has the shape of x,
    or is shorter by the last dimension, or is of size 1 in one dimension.
    """

    @staticmethod
    def forward(
        x: Tensor,
        y: Tensor,
        var: Tensor | float,
        full: bool = False,
        eps: float = 1e-6,
        reduction: str = "mean",
    ) -> Tensor:
        plain = var if isinstance(var, float) else fixed(var)
        if not _is_variance(plain) or reduction not in REDUCTIONS or not _fits(x, plain):
            torch.nn.functional.gaussian_nll_loss(  # says what is wrong
                x.data, y.data, plain, reduction=reduction
            )
        if isinstance(var, float):
            var = var * torch.ones_like(x)
        if var.dim() < x.dim():
            var = var.unsqueeze(-1)
        var = raised_to(var, eps)
        terms = 0.5 * (var.log() + (x - y).square() / var)
        if full:
            terms = terms + 0.5 * math.log(2 * math.pi)
        return reduced(terms, REDUCTIONS.index(reduction))

    @staticmethod
    def samples(make: SampleMaker) -> Iterator[Sample]:
        for reduction in ("none", "mean", "sum"):
            yield Sample(make(2, 3), make(2, 3), make(2, 3, low=0.2), reduction=reduction)
        yield Sample(make(2, 3), make(2, 3), make(2, low=0.2), True)
        yield Sample(make(2, 3), target=make(3), var=make(2, 1, low=0.2))
        yield Sample(make(2, 3), make(2, 3), 0.7)
        yield Sample(make(), make(), make(low=0.2))
        yield Sample(make(0, 3), make(0, 3), make(0, 3, low=0.2), reduction="sum")
        yield Sample(make(2), make(2), make.tensor([0.3, 1.0]), eps=0.5).constant("var")
        negative = Sample(make(2), make(2), make.tensor([0.3, -1.0]))
        yield negative.raises(ValueError, "negative entry")
        yield Sample(make(2), make(2), -1.0).raises(ValueError, "negative entry")
        yield Sample(make(2, 3), make(2, 3), make(3, low=0.2)).raises(ValueError, "incorrect size")
        all_ = Sample(make(2), make(2), make(2, low=0.2), reduction="all")
        yield all_.raises(ValueError, "is not valid")


def _is_variance(var: Tensor | float) -> bool:
    if isinstance(var, float):
        return not var < 0
    return var.is_floating_point() and not (var < 0).any()


def _fits(x: Tensor, var: Tensor | float) -> bool:
    if isinstance(var, float) or var.shape in (x.shape, x.shape[:-1]):
        return True
    differing = [m for n, m in zip(x.shape, var.shape, strict=False) if n != m]
    return x.dim() == var.dim() and sum(differing) == 1
