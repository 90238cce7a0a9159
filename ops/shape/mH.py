"""mH: a batch of matrices, each conjugated and transposed."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from plugrad.core import Context, Function, Sample, SampleMaker, op


@op(
    "mH",
    methods=("adjoint",),
    properties=("mH",),
    overrides=(torch.adjoint, torch.ops.aten.mH.default, torch.ops.aten.adjoint.default),
    linear=True,
    view=True,
)
class MH(Function):
    """y[.., i, j] = conj(x[.., j, i]), a view;  gx = gy.mH."""

    @staticmethod
    def forward(ctx: Context, x: Tensor) -> Tensor:
        return x.mH

    @staticmethod
    def backward(ctx: Context, gy: Tensor) -> Tensor:
        return gy.mH

    @staticmethod
    def samples(make: SampleMaker) -> Iterator[Sample]:
        yield Sample(make(3, 4))
        yield Sample(make(2, 3, 4))
        yield Sample(make.complex(2, 3, 1))
        yield Sample(make(2, 0, 3))
