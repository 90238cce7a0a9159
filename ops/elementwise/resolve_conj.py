"""resolve_conj: the same numbers without the conjugate bit."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from plugrad.core import Context, Function, Sample, SampleMaker, op


@op(
    "resolve_conj",
    methods=("resolve_conj",),
    overrides=(torch.resolve_conj,),
    linear=True,
    elementwise=True,
    view=True,
    waives={"lines": "the checker's inputs are no views, and what is no view is returned as it is"},
)
class ResolveConj(Function):
    """y = x, with a conjugation that torch put off carried out;  gx = gy."""

    @staticmethod
    def forward(ctx: Context, x: Tensor) -> Tensor:
        return torch.resolve_conj(x)

    @staticmethod
    def backward(ctx: Context, gy: Tensor) -> Tensor:
        return gy

    @staticmethod
    def samples(make: SampleMaker) -> Iterator[Sample]:
        yield Sample(make(3, 4))
        yield Sample(make.complex(5))
        yield Sample(make())
        yield Sample(make(0, 3))
        yield Sample(make.complex(3).conj())
