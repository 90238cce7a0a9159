"""log_softmax_backward_data: log_softmax's gradient, as one kernel."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from plugrad.core import Context, Function, Sample, SampleMaker, op


@op(
    "log_softmax_backward_data",
    overrides=(
        torch.ops.aten._log_softmax_backward_data.default,
        torch.ops.aten._log_softmax_backward_data,
        torch._log_softmax_backward_data,
    ),
    aliases={"grad_output": "x", "output": "y"},
)
class LogSoftmaxBackwardData(Function):
    """z = x - exp(y) sum(x) along dim;  gx = gz - sum(gz exp(y)), gy = -gz exp(y) sum(x)."""

    @staticmethod
    def forward(ctx: Context, x: Tensor, y: Tensor, dim: int, input_dtype: torch.dtype) -> Tensor:
        ctx.save_for_backward(x if ctx.needs_input_grad[1] else None, y)
        ctx.dim = int(dim)
        return _log_softmax_backward_data(x, y, dim, input_dtype)

    @staticmethod
    def backward(ctx: Context, gz: Tensor) -> tuple[Tensor | None, Tensor | None, None, None]:
        x, y = ctx.saved_tensors
        weighted = gz * y.exp()
        gx = gz - weighted.sum(ctx.dim, True) if ctx.needs_input_grad[0] else None
        gy = None if x is None else -weighted * x.sum(ctx.dim, True)
        return gx, gy, None, None

    @staticmethod
    def samples(make: SampleMaker) -> Iterator[Sample]:
        yield Sample(make(3, 4), make(3, 4), 1, torch.float64)
        yield Sample(make(2, 3, 2), make(2, 3, 2), -2, torch.float64)
        yield Sample(make(3), make(3), 0, torch.float64).constant(0)
        yield Sample(make(3), make(3), 0, torch.float64).constant(1)
        yield Sample(make(), make(), 0, torch.float64)
        yield Sample(make(0, 3), make(0, 3), 1, torch.float64)
        yield Sample(make.tensor([0.0, 2.0]), make.tensor([0.5, 0.0]), 0, torch.float64)


_log_softmax_backward_data = torch.ops.aten._log_softmax_backward_data.default
