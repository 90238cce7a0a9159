"""complex: a complex number from its real and imaginary part."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from plugrad.core import Context, Function, Sample, SampleMaker, op


@op(
    "complex",
    overrides=(torch.complex, torch.ops.aten.complex.default),
    aliases={"real": "x", "imag": "y"},
    broadcasts=True,
    linear=True,
    elementwise=True,
)
class Complex(Function):
    """z = x + iy;  gx = Re(gz), gy = Im(gz)."""

    @staticmethod
    def forward(ctx: Context, x: Tensor, y: Tensor) -> Tensor:
        return torch.complex(x, y)

    @staticmethod
    def backward(ctx: Context, gz: Tensor) -> tuple[Tensor, Tensor]:
        return gz.real, gz.imag

    @staticmethod
    def samples(make: SampleMaker) -> Iterator[Sample]:
        yield Sample(make(3, 4), make(3, 4))
        yield Sample(make(3, 1), make(2, 1, 4))
        yield Sample(make(), make())
        yield Sample(make(0, 3), make(3))
        yield Sample(real=make(3), imag=make(3))
        yield Sample(make(3), make(3)).constant(1)
