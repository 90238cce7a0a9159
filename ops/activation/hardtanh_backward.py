"""hardtanh_backward: hardtanh's gradient, as one kernel."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from plugrad.core import Context, Function, Sample, SampleMaker, op
from plugrad.ops._flat import flat_in


@op(
    "hardtanh_backward",
    overrides=(torch.ops.aten.hardtanh_backward.default, torch.ops.aten.hardtanh_backward),
    aliases={"grad_output": "x", "self": "y"},
    broadcasts=True,
    linear=True,
    elementwise=True,
)
class HardtanhBackward(Function):
    """z = x where min_val < y < max_val, else 0;  gx = gz there, else 0. gy = 0."""

    @staticmethod
    def forward(ctx: Context, x: Tensor, y: Tensor, min_val: float, max_val: float) -> Tensor:
        ctx.numbers = (min_val, max_val)
        ctx.save_for_backward(y)
        return _hardtanh_backward(x, y, min_val, max_val)

    @staticmethod
    def backward(ctx: Context, gz: Tensor) -> tuple[Tensor | None, Tensor | None]:
        (y,) = ctx.saved_tensors
        gx = _hardtanh_backward(gz, y, *ctx.numbers) if ctx.needs_input_grad[0] else None
        return gx, flat_in(1, ctx, gz)

    @staticmethod
    def samples(make: SampleMaker) -> Iterator[Sample]:
        yield Sample(make(3, 4), make(3, 4), -1, 1)
        yield Sample(make(3, 4), make(4), -1, 1)
        yield Sample(make(), make(), -1, 1)
        yield Sample(make(0, 3), make(0, 3), -1, 1)
        yield Sample(make(2, 3, 1), make(4), -1, 1)
        yield Sample(make(4), make(3, 1), -1, 1)
        yield Sample(make(3), make(3), -1, 1).constant(0)
        yield Sample(make(3), make(3), -1, 1).constant(1)
        yield Sample(make(3, 4), make(3, 4), -0.5, 1.5)
        yield Sample(make(4), make.tensor([-1.0, 0.0, 1.0, float("nan")]), -1, 1)


_hardtanh_backward = torch.ops.aten.hardtanh_backward.default
