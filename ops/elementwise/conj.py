"""conj: the complex conjugate."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from plugrad.core import Context, Function, Sample, SampleMaker, op


@op(
    "conj",
    methods=("conj",),
    overrides=(torch.conj, torch.ops.aten.conj.default, torch.ops.aten._conj.default),
    linear=True,
    elementwise=True,
    view=True,
)
class Conj(Function):
    """y = conj(x), x itself if it is real;  gx = conj(gy)."""

    @staticmethod
    def forward(ctx: Context, x: Tensor) -> Tensor:
        return torch.conj(x)

    @staticmethod
    def backward(ctx: Context, gy: Tensor) -> Tensor:
        return gy.conj()

    @staticmethod
    def samples(make: SampleMaker) -> Iterator[Sample]:
        yield Sample(make(3, 4))
        yield Sample(make.complex(5))
        yield Sample(make())
        yield Sample(make(0, 3))
