"""clamp: each element kept between two bounds."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor

from plugrad.core import Context, Function, Sample, SampleMaker, op


@op(
    "clamp",
    methods=("clamp", "clip"),
    overrides=(torch.clamp, torch.clip),
    broadcasts=True,
    elementwise=True,
    inplace=True,
)
class Clamp(Function):
    """y = min(max(x, min), max); gy goes to whichever of x, min and max y is.

    Each bound is a number, a tensor or None. x gets gy where min <= x <= max, so at a
    bound too. Where min > max, y is max, which gets it all.
    """

    @staticmethod
    def forward(
        ctx: Context, x: Tensor, min: Tensor | None = None, max: Tensor | None = None
    ) -> Tensor:
        ctx.save_for_backward(x, min, max)
        return torch.clamp(x, min, max)

    @staticmethod
    def backward(ctx: Context, gy: Tensor) -> tuple[Tensor | None, Tensor | None, Tensor | None]:
        x, low, high = ctx.saved_tensors
        need_gx, need_glow, need_ghigh = ctx.needs_input_grad
        gx = torch.where(_inside(x, low, high), gy, 0) if need_gx else None
        glow = ghigh = None
        if need_glow:
            below = x < low if high is None else (x < low) & (low < high)
            glow = torch.where(below, gy, 0)
        if need_ghigh:
            above = x > high if low is None else (x > high) | (low > high)
            ghigh = torch.where(above, gy, 0)
        return gx, glow, ghigh

    @staticmethod
    def samples(make: SampleMaker) -> Iterator[Sample]:
        yield Sample(make(3, 4), -1, 1)
        yield Sample(make(3, 4), min=0.5)
        yield Sample(make(3, 4), max=0.5)
        yield Sample(make(3, 4), None, -0.5)
        yield Sample(make(3), 1.0, -1.0)
        yield Sample(make(), -1)
        yield Sample(make(0, 3), 0, 1)
        yield Sample(make.tensor([-1.0, 0.0, 1.0, 2.0, float("nan")]), 0, 1)
        yield Sample(make(3, 4), make(3, 4), make(3, 4))
        yield Sample(make(2, 3, 4), make(3, 1), make(4))
        yield Sample(make(3, 4), make(4))
        yield Sample(make(3, 4), max=make(3, 1))
        yield Sample(make(3), make(3), make(3)).constant(0)
        yield Sample(make(3), make(3), make(3)).constant(1, 2)
        yield (
            Sample(
                make.tensor([0.0, 1.0, 2.0, 2.0, 3.0, 2.0]),
                make.tensor([0.0, 0.0, 2.0, 3.0, 1.0, 3.0]),
                make.tensor([1.0, 1.0, 2.0, 3.0, 0.0, 1.0]),
            )
            .at_kink()
            .waive("numeric", "where min = x = max y cannot move, and torch gives gy to x")
        )
        yield Sample(make.integers(5), 1, 3)
        yield Sample(make(3, 1), make(4))
        yield Sample(make.tensor([-1.0, 1.0]), make.tensor([0.0, -3.0]))


def _inside(x: Any, low: Any, high: Any) -> Any:
    if low is None:
        return x <= high
    return x >= low if high is None else (x >= low) & (x <= high)
