"""conj_physical: the complex conjugate, computed at once."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from plugrad.core import Context, Function, Sample, SampleMaker, op


@op(
    "conj_physical",
    methods=("conj_physical",),
    overrides=(
        torch.conj_physical,
        torch.ops.aten.conj_physical.default,
        torch.ops.aten._conj_physical.default,
    ),
    linear=True,
    elementwise=True,
    inplace=True,
)
class ConjPhysical(Function):
    """y = conj(x), which is x if it is real;  gx = conj(gy). conj puts it off, this does not."""

    @staticmethod
    def forward(ctx: Context, x: Tensor) -> Tensor:
        return torch.conj_physical(x)

    @staticmethod
    def backward(ctx: Context, gy: Tensor) -> Tensor:
        return gy.conj()

    @staticmethod
    def samples(make: SampleMaker) -> Iterator[Sample]:
        yield Sample(make(3, 4))
        yield Sample(make.complex(5))
        yield Sample(make())
        yield Sample(make(0, 3))
