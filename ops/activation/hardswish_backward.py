"""hardswish_backward: hardswish's gradient, as one kernel."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from plugrad.core import Context, Function, Sample, SampleMaker, op


@op(
    "hardswish_backward",
    overrides=(torch.ops.aten.hardswish_backward.default, torch.ops.aten.hardswish_backward),
    aliases={"grad_output": "x", "self": "y"},
    broadcasts=True,
    elementwise=True,
)
class HardswishBackward(Function):
    """z = x (y / 3 + 1/2) where -3 < y < 3, 0 below, x above;  gx = gz likewise.

    gy = gz x / 3 where -3 < y < 3, else 0.
    """

    @staticmethod
    def forward(ctx: Context, x: Tensor, y: Tensor) -> Tensor:
        ctx.save_for_backward(x if ctx.needs_input_grad[1] else None, y)
        return _hardswish_backward(x, y)

    @staticmethod
    def backward(ctx: Context, gz: Tensor) -> tuple[Tensor | None, Tensor | None]:
        x, y = ctx.saved_tensors
        gx = _hardswish_backward(gz, y) if ctx.needs_input_grad[0] else None
        gy = None if x is None else torch.where((y > -3) & (y < 3), gz * x / 3, 0)
        return gx, gy

    @staticmethod
    def samples(make: SampleMaker) -> Iterator[Sample]:
        yield Sample(make(3, 4), make(3, 4))
        yield Sample(make.tensor([0.0, 1.0]), make(2))
        yield Sample(make(), make())
        yield Sample(make(0, 3), make(0, 3))
        yield Sample(make(2, 3, 1), make(4))
        yield Sample(make(4), make(3, 1))
        yield Sample(make(3), make(3)).constant(0)
        yield Sample(make(3), make(3)).constant(1)
        yield Sample(make(3, 4), make(3, 4, low=-5, high=5))
        yield Sample(make(5), make.tensor([-3.0, 0.0, 3.0, 4.0, float("nan")])).at_kink()


_hardswish_backward = torch.ops.aten.hardswish_backward.default
