"""ldexp: x times a power of two."""

from __future__ import annotations

import math
from collections.abc import Iterator

import torch
from torch import Tensor

from plugrad.core import Context, Function, Sample, SampleMaker, conj, op

# Where torch's ldexp comes down to mul and pow, its ldexp_ refuses to be differentiated.
_old = torch._C._dispatch_has_kernel_for_dispatch_key(
    "aten::ldexp.Tensor", "CompositeImplicitAutograd"
)


@op(
    "ldexp",
    methods=("ldexp",),
    overrides=(torch.ldexp, torch.ops.aten.ldexp.Tensor),
    broadcasts=True,
    elementwise=True,
    inplace=True,
    waives={"inplace": "this torch's own ldexp_ has no gradient"} if _old else {},
)
class Ldexp(Function):
    """z = x 2^y;  gx = gz 2^conj(y), gy = gz conj(z) log(2)."""

    @staticmethod
    def forward(ctx: Context, x: Tensor, y: Tensor) -> Tensor:
        z = torch.ldexp(x, y)
        need_gx, need_gy = ctx.needs_input_grad
        ctx.save_for_backward(y if need_gx else None, z if need_gy else None)
        return z

    @staticmethod
    def backward(ctx: Context, gz: Tensor) -> tuple[Tensor | None, Tensor | None]:
        y, z = ctx.saved_tensors
        need_gx, need_gy = ctx.needs_input_grad
        gx = torch.ldexp(gz, conj(y)) if need_gx else None
        return gx, gz * (conj(z) * math.log(2)) if need_gy else None

    @staticmethod
    def samples(make: SampleMaker) -> Iterator[Sample]:
        yield Sample(make(3, 4), make.integers(3, 4))
        yield Sample(make(3, 4), make(3, 4))
        yield Sample(make(3, 1), make(2, 1, 4))
        yield Sample(make(3), make(3)).constant(0)
        yield Sample(make(3), make(3)).constant(1)
        yield Sample(make.complex(3), make.complex(3))
        yield Sample(make(3), make.complex(3))
        yield Sample(make.integers(3), make(3))
        yield Sample(make(0, 3), make(3))
        yield Sample(make(), make.integers())
        yield Sample(make.tensor([0.0, 1.0]), make.tensor([1.0, 0.0]))
