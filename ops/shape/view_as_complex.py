"""view_as_complex: pairs of real numbers as complex ones."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from plugrad.core import Context, Function, Sample, SampleMaker, op


@op(
    "view_as_complex",
    overrides=(torch.view_as_complex, torch.ops.aten.view_as_complex.default),
    view=True,
)
class ViewAsComplex(Function):
    """y = x[.., 0] + i x[.., 1], a view;  gx[.., 0] = Re gy, gx[.., 1] = Im gy."""

    @staticmethod
    def forward(ctx: Context, x: Tensor) -> Tensor:
        return torch.view_as_complex(x)

    @staticmethod
    def backward(ctx: Context, gy: Tensor) -> Tensor:
        return torch.view_as_real(gy.resolve_conj())

    @staticmethod
    def samples(make: SampleMaker) -> Iterator[Sample]:
        yield Sample(make(3, 4, 2))
        yield Sample(make(2))
        yield Sample(make(0, 2))
