"""nan_to_num: numbers for nan and the infinities."""

from __future__ import annotations

import math
from collections.abc import Iterator

import torch
from torch import Tensor

from plugrad.core import Context, Function, Sample, SampleMaker, op


def _reference(
    x: Tensor,
    nan: float | None = None,
    posinf: float | None = None,
    neginf: float | None = None,
) -> Tensor:
    if not x.is_complex():
        return torch.nan_to_num(x, nan, posinf, neginf)
    return torch.complex(*(torch.nan_to_num(p, nan, posinf, neginf) for p in (x.real, x.imag)))


@op(
    "nan_to_num",
    methods=("nan_to_num",),
    overrides=(torch.nan_to_num, torch.ops.aten.nan_to_num.default),
    reference=_reference,
    elementwise=True,
    inplace=True,
)
class NanToNum(Function):
    """y = x, but ``nan``, ``posinf`` and ``neginf`` for numbers that are not finite;  gx = gy or 0.

    By default they are 0 and the dtype's largest and smallest. For a complex number each
    part is for itself, and there torch has no gradient.
    """

    @staticmethod
    def forward(
        ctx: Context,
        x: Tensor,
        nan: float | None = None,
        posinf: float | None = None,
        neginf: float | None = None,
    ) -> Tensor:
        ctx.save_for_backward(x)
        return torch.nan_to_num(x, nan, posinf, neginf)

    @staticmethod
    def backward(ctx: Context, gy: Tensor) -> Tensor:
        (x,) = ctx.saved_tensors
        if not x.is_complex():
            return torch.where(x.isfinite(), gy, 0.0)
        real, imag = (torch.where(p.isfinite(), g, 0.0) for p, g in _parts(x, gy))
        return torch.complex(real, imag)

    @staticmethod
    def samples(make: SampleMaker) -> Iterator[Sample]:
        yield Sample(make(3, 4))
        yield Sample(make.tensor([math.nan, math.inf, -math.inf, 0.0, 1.5]))
        yield Sample(make.tensor([math.nan, math.inf, -math.inf, 0.0, 1.5]), 1.0, 2.0, -3.0)
        yield Sample(make.tensor([math.nan, math.inf, -math.inf]), nan=0.5, neginf=-1)
        yield Sample(make.tensor([math.nan, math.inf, -math.inf]), posinf=5.0)
        yield Sample(make.complex(3))
        mixed = make.tensor([complex(math.nan, 1.0), complex(2.0, math.inf)], torch.complex128)
        yield Sample(mixed).waive("inplace", "torch has 0 for the part that is a number, too")
        yield Sample(make.integers(3))
        yield Sample(make())
        yield Sample(make(0, 3))


def _parts(x: Tensor, gy: Tensor) -> tuple[tuple[Tensor, Tensor], tuple[Tensor, Tensor]]:
    return (x.real, gy.real), (x.imag, gy.imag)
