"""nn.functional.logsigmoid: the logarithm of the sigmoid."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from plugrad.core import Context, Function, Sample, SampleMaker, op


@op(
    "nn.functional.logsigmoid",
    overrides=(torch.nn.functional.logsigmoid, torch.ops.aten.log_sigmoid.default),
    elementwise=True,
    waives={"hidden-intermediate": "log_sigmoid_backward counts the buffer's part to x"},
)
class Logsigmoid(Function):
    """y = -log(1 + exp(-x));  gx = gy / (1 + exp(x)).

    The second derivative has 12 digits up to x = 8; far out it is a difference, as in torch.
    """

    @staticmethod
    def forward(ctx: Context, x: Tensor) -> Tensor:
        y, buffer = torch.ops.aten.log_sigmoid_forward.default(x)
        ctx.save_for_backward(x, buffer)
        ctx.mark_non_differentiable(buffer)
        return y

    @staticmethod
    def backward(ctx: Context, gy: Tensor) -> Tensor:
        x, buffer = ctx.saved_tensors
        return _log_sigmoid_backward(gy, x, buffer)

    @staticmethod
    def samples(make: SampleMaker) -> Iterator[Sample]:
        yield Sample(make(3, 4))
        yield Sample(make())
        yield Sample(make(0, 3))
        yield Sample(make.tensor([-800.0, -40.0, -0.0, 0.0, 40.0, 800.0]))


_log_sigmoid_backward = torch.ops.aten.log_sigmoid_backward.default
