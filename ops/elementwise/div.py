"""div: the elementwise quotient."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from plugrad.core import Context, Function, Sample, SampleMaker, conj, op


@op(
    "div",
    methods=("div", "divide", "true_divide", "__truediv__", "__rtruediv__"),
    overrides=(
        torch.div,
        torch.divide,
        torch.true_divide,
        torch.ops.aten.div.Tensor,
        torch.ops.aten.div.Scalar,
        torch.ops.aten.div.Tensor_mode,
        torch.ops.aten.div.Scalar_mode,
        torch.ops.aten.divide.Tensor,
        torch.ops.aten.divide.Scalar,
        torch.ops.aten.divide.Tensor_mode,
        torch.ops.aten.divide.Scalar_mode,
        torch.ops.aten.true_divide.Tensor,
        torch.ops.aten.true_divide.Scalar,
    ),
    broadcasts=True,
    elementwise=True,
    inplace=True,
)
class Div(Function):
    """z = x / y;  gx = gz / conj(y), gy = -gz conj(x / y / y).

    ``rounding_mode`` "floor" or "trunc" rounds z; then both gradients are 0. At y = 0
    both are infinite or nan.
    """

    @staticmethod
    def forward(ctx: Context, x: Tensor, y: Tensor, *, rounding_mode: str | None = None) -> Tensor:
        if rounding_mode is not None:
            ctx.rounded = True
            return torch.div(x, y, rounding_mode=rounding_mode)
        ctx.save_for_backward(x if ctx.needs_input_grad[1] else None, y)
        return x / y

    @staticmethod
    def backward(ctx: Context, gz: Tensor) -> tuple[Tensor | None, Tensor | None]:
        need_gx, need_gy = ctx.needs_input_grad
        if hasattr(ctx, "rounded"):
            zeros = torch.zeros_like(gz)
            return zeros if need_gx else None, zeros if need_gy else None
        x, y = ctx.saved_tensors
        gx = gz / conj(y) if need_gx else None
        gy = -gz * conj(x / y / y) if need_gy else None
        return gx, gy

    @staticmethod
    def samples(make: SampleMaker) -> Iterator[Sample]:
        yield Sample(make(3, 4), make.nonzero(3, 4))
        yield Sample(make(3, 1), make.nonzero(2, 1, 4))
        yield Sample(make(3), 2.5)
        yield Sample(2, make.nonzero(3))
        yield Sample(make.complex(3), make.nonzero(3))
        yield Sample(make(3), make.complex(2, 3))
        yield Sample(make(3), 1j)
        yield Sample(make(3), make.nonzero(3)).constant(0)
        yield Sample(make(3), make.nonzero(3)).constant(1)
        yield Sample(make.integers(3), make.nonzero(3))
        yield Sample(make.integers(3), 2)
        yield Sample(make(0, 3), make(3))
        yield Sample(make(), make.nonzero(2))
        yield Sample(make.tensor([1.0, 0.0, -2.0]), make.tensor([0.0, 0.0, 4.0]))
        yield Sample(make(3), make.nonzero(3), rounding_mode=None)
        yield Sample(make(2, 3), make.nonzero(3), rounding_mode="floor")
        yield Sample(make(2, 3), make.nonzero(3), rounding_mode="trunc")
        yield Sample(make(3), 0.7, rounding_mode="floor")
        yield Sample(make.integers(3), 2, rounding_mode="trunc")
        yield Sample(make.tensor([0.0, 2.0]), make.tensor([-3.0, 1.0]))
