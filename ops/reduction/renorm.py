"""renorm: the slices along a dimension, none of a norm above a bound."""

from __future__ import annotations

from collections.abc import Iterator
from math import inf

import torch
from torch import Tensor

from plugrad.core import Composite, Sample, SampleMaker, Variable, op
from plugrad.ops._number import constant, number


@op(
    "renorm",
    methods=("renorm",),
    overrides=(torch.renorm, torch.ops.aten.renorm.default),
    inplace=True,
)
class Renorm(Composite):
    """y = x, but maxnorm x / (norm + 1e-7) in each slice along dim whose p-norm is above maxnorm.

    The gradient is linalg.vector_norm's, and the product's. At the bound, a kink, it is x's.
    """

    @staticmethod
    def forward(x: Tensor, p: float, dim: int, maxnorm: float) -> Tensor:
        p, dim = constant(p, "renorm", "p"), number(constant(dim, "renorm", "dim"))
        maxnorm = number(constant(maxnorm, "renorm", "maxnorm"))
        torch.renorm(torch.ones([1] * x.dim(), dtype=x.dtype), p, dim, maxnorm)  # which may refuse
        others = tuple(d for d in range(x.dim()) if d != dim % x.dim())
        wide = torch.float32 if x.dtype in (torch.float16, torch.bfloat16) else None
        over = torch.linalg.vector_norm(x.detach(), p, others, True, dtype=wide) > maxnorm
        # Slices that stay as they are have no part in the norms: their gradient is 1, nan or not.
        norm = torch.linalg.vector_norm(torch.where(over, x, 1.0), p, others, True, dtype=wide)
        scale = torch.where(over, maxnorm / (norm + 1e-7), 1.0)
        return x * scale.to(x.dtype)

    @staticmethod
    def overwrite(x: Variable, p: float, dim: int, maxnorm: float) -> None:
        """``x.renorm_(p, dim, maxnorm)``."""
        x.copy_(Renorm.apply(x.clone(), p, dim, maxnorm))  # the rules need x as it was

    @staticmethod
    def samples(make: SampleMaker) -> Iterator[Sample]:
        yield Sample(make(3, 4), 2, 0, 1.0)
        yield Sample(make(3, 4), 1, -1, 2.0)
        yield Sample(make(2, 3, 2), 3, dim=1, maxnorm=2.5)
        yield Sample(make.complex(3, 2), p=1.5, dim=0, maxnorm=0.5)
        yield Sample(make(3, 4), 2, 0, 100.0)
        yield Sample(make(0, 3), 2, 0, 1.0)
        yield Sample(make(3, 0), 2, 0, 1.0)
        yield Sample(make(3, 4), inf, 1, 1.0)
        yield Sample(make(3, 4), 0, 0, 1.0).raises(RuntimeError, "non-positive")
        yield Sample(make(3), 2, 0, 1.0).raises(RuntimeError, "at least 2 dimensions")
        yield Sample(make.tensor([[0.0, 1.0], [3.0, -4.0]]), 2, 0, 1.5)
        yield Sample(make.tensor([[float("nan"), 1.0], [3.0, -4.0]]), 2, 0, 1.5)
