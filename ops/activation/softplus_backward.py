"""softplus_backward: softplus's gradient, as one kernel."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from plugrad.core import Context, Function, Sample, SampleMaker, op


@op(
    "softplus_backward",
    overrides=(torch.ops.aten.softplus_backward.default, torch.ops.aten.softplus_backward),
    aliases={"grad_output": "x", "self": "y"},
    broadcasts=True,
    elementwise=True,
)
class SoftplusBackward(Function):
    """z = x s, with s = 1 / (1 + exp(-beta y)); z = x where beta y > threshold.

    gx = gz s, or gz there; gy = gz x beta s (1 - s), or 0 there.
    """

    @staticmethod
    def forward(ctx: Context, x: Tensor, y: Tensor, beta: float, threshold: float) -> Tensor:
        ctx.numbers = (beta, threshold)
        ctx.save_for_backward(x if ctx.needs_input_grad[1] else None, y)
        return _softplus_backward(x, y, beta, threshold)

    @staticmethod
    def backward(ctx: Context, gz: Tensor) -> tuple[Tensor | None, Tensor | None]:
        x, y = ctx.saved_tensors
        gx = _softplus_backward(gz, y, *ctx.numbers) if ctx.needs_input_grad[0] else None
        gy = None
        if x is not None:
            beta, threshold = ctx.numbers
            curved = _sigmoid_backward(gz * x * beta, (y * beta).sigmoid())
            gy = torch.where(y * beta >= threshold, 0, curved)  # nan stays nan
        return gx, gy

    @staticmethod
    def samples(make: SampleMaker) -> Iterator[Sample]:
        yield Sample(make(3, 4), make(3, 4), 1, 20)
        yield Sample(make.tensor([0.0, 1.0]), make(2), 1, 20)
        yield Sample(make(), make(), 1, 20)
        yield Sample(make(0, 3), make(0, 3), 1, 20)
        yield Sample(make(2, 3, 1), make(4), 1, 20)
        yield Sample(make(4), make(3, 1), 1, 20)
        yield Sample(make(3), make(3), 1, 20).constant(0)
        yield Sample(make(3), make(3), 1, 20).constant(1)
        yield Sample(make(3, 4), make(3, 4), 2, 0.5)
        yield Sample(make(5), make.tensor([-800.0, 0.0, 19.0, 40.0, 800.0]), 0.5, 20)


_softplus_backward = torch.ops.aten.softplus_backward.default
_sigmoid_backward = torch.ops.aten.sigmoid_backward.default
