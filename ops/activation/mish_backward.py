"""mish_backward: mish's gradient, as one kernel."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from plugrad.core import Context, Function, Sample, SampleMaker, op


@op(
    "mish_backward",
    overrides=(torch.ops.aten.mish_backward.default, torch.ops.aten.mish_backward),
    aliases={"grad_output": "x", "self": "y"},
    broadcasts=True,
    elementwise=True,
)
class MishBackward(Function):
    """z = x (t + y s (1 - t^2)), with t = tanh(log(1 + exp(y))) and s the sigmoid of y.

    gx = gz (t + y s (1 - t^2)), gy = gz x s (1 - t^2) (2 + y (1 - s - 2 s t)).
    """

    @staticmethod
    def forward(ctx: Context, x: Tensor, y: Tensor) -> Tensor:
        ctx.save_for_backward(x if ctx.needs_input_grad[1] else None, y)
        return _mish_backward(x, y)

    @staticmethod
    def backward(ctx: Context, gz: Tensor) -> tuple[Tensor | None, Tensor | None]:
        x, y = ctx.saved_tensors
        gx = _mish_backward(gz, y) if ctx.needs_input_grad[0] else None
        gy = None if x is None else gz * x * _curvature(y)
        return gx, gy

    @staticmethod
    def samples(make: SampleMaker) -> Iterator[Sample]:
        yield Sample(make(3, 4), make(3, 4))
        yield Sample(make(), make())
        yield Sample(make(0, 3), make(0, 3))
        yield Sample(make(2, 3, 1), make(4))
        yield Sample(make(4), make(3, 1))
        yield Sample(make(3), make(3)).constant(0)
        yield Sample(make(3), make(3)).constant(1)
        yield Sample(make.tensor([1.0, 1.0, 1.0, 0.0]), make.tensor([-800.0, 0.0, 800.0, 1.0]))


_mish_backward = torch.ops.aten.mish_backward.default


def _curvature(y: Tensor) -> Tensor:
    t, s = torch.nn.functional.softplus(y).tanh(), y.sigmoid()
    slope = s * (1 - t * t)
    return 2 * slope + slope * y * (1 - s - 2 * s * t)  # in this order nothing overflows
