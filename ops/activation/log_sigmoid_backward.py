"""log_sigmoid_backward: log_sigmoid's gradient, as one kernel."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from plugrad.core import Context, Function, Sample, SampleMaker, op


@op(
    "log_sigmoid_backward",
    overrides=(torch.ops.aten.log_sigmoid_backward.default, torch.ops.aten.log_sigmoid_backward),
    aliases={"grad_output": "x", "self": "y"},
    elementwise=True,
    waives=dict.fromkeys(
        ("numeric", "second-order-numeric"),
        "on a CPU forward computes with buffer, which moves with y",
    ),
)
class LogSigmoidBackward(Function):
    """z = x / (1 + exp(y));  gx = gz / (1 + exp(y)), gy = -gz x s (1 - s), s being y's sigmoid.

    buffer is what log_sigmoid_forward gave: exp(-|y|), which on a CPU saves computing it. The
    derivative is that in y as buffer moves with it.
    """

    @staticmethod
    def forward(ctx: Context, x: Tensor, y: Tensor, buffer: Tensor) -> Tensor:
        ctx.save_for_backward(x if ctx.needs_input_grad[1] else None, y, buffer)
        return _log_sigmoid_backward(x, y, buffer)

    @staticmethod
    def backward(ctx: Context, gz: Tensor) -> tuple[Tensor | None, Tensor | None]:
        x, y, buffer = ctx.saved_tensors
        gx = _log_sigmoid_backward(gz, y, buffer) if ctx.needs_input_grad[0] else None
        return gx, None if x is None else -_sigmoid_backward(gz * x, y.sigmoid())

    @staticmethod
    def samples(make: SampleMaker) -> Iterator[Sample]:
        for x, y in (
            (make(3, 4), make(3, 4)),
            (make(), make()),
            (make(0, 3), make(0, 3)),
            (make.tensor([0.0, 1.0, 1.0, 1.0]), make.tensor([1.0, 0.0, -40.0, 800.0])),
        ):
            yield Sample(x, y, (-y.abs()).exp()).constant("buffer")
        y = make(3)
        yield Sample(make(3), y, (-y.abs()).exp()).constant(0, "buffer")
        yield Sample(make(3), y, (-y.abs()).exp()).constant(1, "buffer")


_log_sigmoid_backward = torch.ops.aten.log_sigmoid_backward.default
_sigmoid_backward = torch.ops.aten.sigmoid_backward.default
