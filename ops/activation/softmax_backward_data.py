"""softmax_backward_data: softmax's gradient, as one kernel."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from plugrad.core import Context, Function, Sample, SampleMaker, op


@op(
    "softmax_backward_data",
    overrides=(
        torch.ops.aten._softmax_backward_data.default,
        torch.ops.aten._softmax_backward_data,
        torch._softmax_backward_data,
    ),
    aliases={"grad_output": "x", "output": "y"},
)
class SoftmaxBackwardData(Function):
    """z = y (x - sum(x y)) along dim;  gx = y (gz - sum(gz y)).

    gy = gz (x - sum(x y)) - x sum(gz y).
    """

    @staticmethod
    def forward(ctx: Context, x: Tensor, y: Tensor, dim: int, input_dtype: torch.dtype) -> Tensor:
        ctx.save_for_backward(x if ctx.needs_input_grad[1] else None, y)
        ctx.dim, ctx.input_dtype = int(dim), input_dtype
        return _softmax_backward_data(x, y, dim, input_dtype)

    @staticmethod
    def backward(ctx: Context, gz: Tensor) -> tuple[Tensor | None, Tensor | None, None, None]:
        x, y = ctx.saved_tensors
        dim, gx, gy = ctx.dim, None, None
        if ctx.needs_input_grad[0]:
            gx = _softmax_backward_data(gz, y, dim, ctx.input_dtype)
        if x is not None:
            gy = gz * (x - (x * y).sum(dim, True)) - x * (gz * y).sum(dim, True)
        return gx, gy, None, None

    @staticmethod
    def samples(make: SampleMaker) -> Iterator[Sample]:
        yield Sample(make(3, 4), make(3, 4), 1, torch.float64)
        yield Sample(make(2, 3, 2), make(2, 3, 2), -2, torch.float64)
        yield Sample(make(3), make(3), 0, torch.float64).constant(0)
        yield Sample(make(3), make(3), 0, torch.float64).constant(1)
        yield Sample(make(), make(), 0, torch.float64).waive(
            "batched-cotangents", "torch.vmap sums over the batch where there is no dimension"
        )
        yield Sample(make(0, 3), make(0, 3), 1, torch.float64)
        yield Sample(make.tensor([0.0, 2.0]), make.tensor([0.5, 0.0]), 0, torch.float64)


_softmax_backward_data = torch.ops.aten._softmax_backward_data.default
