"""fmin: the smaller of two numbers, whichever is one."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from plugrad.core import Context, Function, Sample, SampleMaker, op
from plugrad.core.installed_torch import torch_before
from plugrad.ops.elementwise._taken import taken


@op(
    "fmin",
    methods=("fmin",),
    overrides=(torch.fmin, torch.ops.aten.fmin.default),
    broadcasts=True,
    elementwise=True,
)
class Fmin(Function):
    """z = the smaller of x and y, or the one that is not nan.

    gx = gz where x is taken, else 0; gy = gz where y is. If they are equal, x is taken;
    torch 2.14 and later give each half.
    """

    @staticmethod
    def forward(ctx: Context, x: Tensor, y: Tensor) -> Tensor:
        ctx.save_for_backward(x, y)
        return torch.fmin(x, y)

    @staticmethod
    def backward(ctx: Context, gz: Tensor) -> tuple[Tensor | None, Tensor | None]:
        x, y = ctx.saved_tensors
        return taken(gz, x, y, (x <= y) | y.isnan(), ctx.needs_input_grad)

    @staticmethod
    def samples(make: SampleMaker) -> Iterator[Sample]:
        yield Sample(make(3, 4), make(3, 4))
        yield Sample(make(3, 1), make(2, 1, 4))
        yield Sample(make(3), make(3)).constant(0)
        yield Sample(make(3), make(3)).constant(1)
        yield Sample(make(0, 3), make(3))
        yield Sample(make(), make())
        nan = float("nan")
        numbers = Sample(make.tensor([0.0, nan, 2.0, nan]), make.tensor([1.0, 0.0, nan, nan]))
        if not torch_before("2.14"):
            numbers = numbers.without_oracle("torch gives all of it to the operand that is nan too")
        yield numbers
        yield Sample(make.tensor([0.0, 1.0]), make.tensor([0.0, 1.0])).at_kink()
