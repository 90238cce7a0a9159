"""polar: a complex number from its length and angle."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from plugrad.core import Context, Function, Sample, SampleMaker, op


@op(
    "polar",
    overrides=(torch.polar, torch.ops.aten.polar.default),
    aliases={"abs": "x", "angle": "y"},
    broadcasts=True,
    elementwise=True,
    waives={"stretched": "torch takes the length for positive"},
)
class Polar(Function):
    """z = x exp(i y);  gx = Re(gz exp(-i y)), gy = x Im(gz exp(-i y)), also for a negative x."""

    @staticmethod
    def forward(ctx: Context, x: Tensor, y: Tensor) -> Tensor:
        ctx.save_for_backward(x if ctx.needs_input_grad[1] else None, y)
        return torch.polar(x, y)

    @staticmethod
    def backward(ctx: Context, gz: Tensor) -> tuple[Tensor | None, Tensor | None]:
        x, y = ctx.saved_tensors
        need_gx, need_gy = ctx.needs_input_grad
        cos, sin = y.cos(), y.sin()
        gx = gz.real * cos + gz.imag * sin if need_gx else None
        return gx, x * (gz.imag * cos - gz.real * sin) if need_gy else None

    @staticmethod
    def samples(make: SampleMaker) -> Iterator[Sample]:
        yield Sample(make(3, 4, low=0.3), make(3, 4))
        yield Sample(make(3, 1, low=0.3), make(2, 1, 4))
        yield Sample(make(3, low=0.3), make(3)).constant(0)
        yield (
            Sample(abs=make(3, low=0.3), angle=make(3))
            .constant(1)
            .waive("third-order", "torch's own has a graph, though it is 0")
        )
        yield Sample(make(0, 3), make(3))
        yield Sample(make(low=0.3), make())
        wrong = "it takes the length for positive"
        yield Sample(make.tensor([0.0, -1.0]), make.tensor([1.0, 2.0])).without_oracle(wrong)
        yield Sample(make.tensor([2.0, 1.0]), make.tensor([0.0, 1.0]))
