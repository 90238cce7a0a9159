"""view_as_real: complex numbers as pairs of real ones."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from plugrad.core import Context, Function, Sample, SampleMaker, op


@op(
    "view_as_real",
    overrides=(torch.view_as_real, torch.ops.aten.view_as_real.default),
    view=True,
)
class ViewAsReal(Function):
    """y[.., 0] = Re x, y[.., 1] = Im x, a view;  gx = gy[.., 0] + i gy[.., 1]."""

    @staticmethod
    def forward(ctx: Context, x: Tensor) -> Tensor:
        return torch.view_as_real(x)

    @staticmethod
    def backward(ctx: Context, gy: Tensor) -> Tensor:
        # As a view of its own shape, a dimension of size 1 has a stride that torch 2.6 takes too.
        return torch.view_as_complex(gy.contiguous().view(gy.shape))

    @staticmethod
    def samples(make: SampleMaker) -> Iterator[Sample]:
        yield Sample(make.complex(3, 4))
        yield Sample(make.complex(2))
        yield Sample(make.complex())
        yield Sample(make.complex(0, 3))
