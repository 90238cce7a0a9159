"""real: the real part."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from plugrad.core import Context, Function, Sample, SampleMaker, op


@op(
    "real",
    properties=("real",),
    overrides=(torch.real, torch.ops.aten.real.default),
    linear=True,
    elementwise=True,
    view=True,
)
class Real(Function):
    """y = Re(x), x itself if it is real;  gx = gy + 0i."""

    @staticmethod
    def forward(ctx: Context, x: Tensor) -> Tensor:
        return torch.real(x)

    @staticmethod
    def backward(ctx: Context, gy: Tensor) -> Tensor:
        # For a complex x: a real one is returned as it is, and needs no rule.
        return torch.complex(gy, torch.zeros_like(gy))

    @staticmethod
    def samples(make: SampleMaker) -> Iterator[Sample]:
        yield Sample(make.complex(3, 4))
        yield Sample(make.complex(3).conj())
        yield Sample(make.complex())
        yield Sample(make.complex(0, 3))
        yield Sample(make(5))
