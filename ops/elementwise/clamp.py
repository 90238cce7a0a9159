"""clamp: each element kept between two bounds."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from plugrad.core import Context, Function, Sample, SampleMaker, op
from plugrad.ops.elementwise._clamped import gradients


@op(
    "clamp",
    methods=("clamp", "clip"),
    overrides=(
        torch.clamp,
        torch.clip,
        torch.ops.aten.clamp.default,
        torch.ops.aten.clamp.Tensor,
        torch.ops.aten.clip.default,
        torch.ops.aten.clip.Tensor,
    ),
    broadcasts=True,
    elementwise=True,
    inplace=True,
)
class Clamp(Function):
    """y = min(max(x, min), max); gy goes to whichever of x, min and max y is.

    Each bound is a number, a tensor or None. Where min > max, y is max, which gets it all.
    Ties go as in the installed torch. Before 2.14, x gets all of gy at a bound too. Since
    2.14, x at a bound gets nothing if that is a number, and they get half each if it is a
    tensor, but x gets all where min = x = max.
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
        return gradients(gy, x, low, high, ctx.needs_input_grad)

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
        nan = float("nan")
        yield Sample(make.tensor([nan, 1.0, 2.0]), make.tensor([0.0, nan, 2.0])).at_kink()
        yield Sample(make.tensor([nan, 1.0, 2.0]), max=make.tensor([0.0, nan, 2.0])).at_kink()
        yield Sample(make.integers(5), 1, 3)
        yield Sample(make(3, 1), make(4))
        yield Sample(make.tensor([-1.0, 1.0]), make.tensor([0.0, -3.0]))
