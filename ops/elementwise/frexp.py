"""frexp: a number taken apart into mantissa and exponent."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor

from plugrad.core import Context, Function, Sample, SampleMaker, op


@op("frexp", methods=("frexp",), overrides=(torch.frexp, torch.ops.aten.frexp.Tensor))
class Frexp(Function):
    """x = y 2^e with 0.5 <= |y| < 1 and an integer e;  gx = gy 2^-e, also at the jumps."""

    @staticmethod
    def forward(ctx: Context, x: Tensor) -> Any:
        parts = torch.frexp(x)
        ctx.save_for_backward(parts.exponent)
        ctx.set_materialize_grads(False)  # no zeros for the exponents
        return parts

    @staticmethod
    def backward(ctx: Context, gy: Tensor | None, *_: Tensor | None) -> Tensor | None:
        (exponent,) = ctx.saved_tensors
        # exp2 of integers would be float32, which has no 2^200.
        return None if gy is None else gy * (-exponent).to(gy.dtype).exp2()

    @staticmethod
    def samples(make: SampleMaker) -> Iterator[Sample]:
        yield Sample(make(3, 4))
        yield Sample(make())
        yield Sample(make(0, 3))
        yield Sample(make.tensor([3.0, -0.3, 1e-3, 100.0]))
        yield Sample(make.tensor([0.0, 1.0, -4.0])).at_kink()
