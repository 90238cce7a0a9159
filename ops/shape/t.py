"""t: a matrix with rows and columns swapped."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from plugrad.core import Context, Function, Sample, SampleMaker, op


@op(
    "t",
    methods=("t",),
    overrides=(torch.t, torch.ops.aten.t.default),
    linear=True,
    view=True,
    inplace=True,
)
class T(Function):
    """y = x^T, a view;  gx = gy^T.

    With fewer than two dimensions y = x.
    """

    @staticmethod
    def forward(ctx: Context, x: Tensor) -> Tensor:
        return x.t()

    @staticmethod
    def backward(ctx: Context, gy: Tensor) -> Tensor:
        return gy.t()

    @staticmethod
    def samples(make: SampleMaker) -> Iterator[Sample]:
        yield Sample(make(3, 4))
        yield Sample(make.complex(2, 3))
        yield Sample(make(3))
        yield Sample(make())
        yield Sample(make(0, 3))
