"""imag: the imaginary part."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from plugrad.core import Context, Function, Sample, SampleMaker, op


@op(
    "imag",
    properties=("imag",),
    overrides=(torch.imag, torch.ops.aten.imag.default),
    linear=True,
    elementwise=True,
    view=True,
)
class Imag(Function):
    """y = Im(x);  gx = i gy. A real x is an error."""

    @staticmethod
    def forward(ctx: Context, x: Tensor) -> Tensor:
        return torch.imag(x)

    @staticmethod
    def backward(ctx: Context, gy: Tensor) -> Tensor:
        return torch.complex(torch.zeros_like(gy), gy)

    @staticmethod
    def samples(make: SampleMaker) -> Iterator[Sample]:
        yield Sample(make.complex(3, 4))
        yield Sample(make.complex(3).conj())
        yield Sample(make.complex())
        yield Sample(make.complex(0, 3))
