"""mul: the elementwise product."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from plugrad.core import Context, Function, Sample, SampleMaker, conj, op


@op(
    "mul",
    methods=("mul", "multiply", "__mul__", "__rmul__"),
    overrides=(
        torch.mul,
        torch.multiply,
        torch.ops.aten.mul.Tensor,
        torch.ops.aten.mul.Scalar,
        torch.ops.aten.multiply.Tensor,
        torch.ops.aten.multiply.Scalar,
    ),
    broadcasts=True,
    elementwise=True,
    inplace=True,
)
class Mul(Function):
    """z = x y;  gx = gz conj(y), gy = gz conj(x)."""

    @staticmethod
    def forward(ctx: Context, x: Tensor, y: Tensor) -> Tensor:
        need_gx, need_gy = ctx.needs_input_grad
        ctx.save_for_backward(x if need_gy else None, y if need_gx else None)
        return x * y

    @staticmethod
    def backward(ctx: Context, gz: Tensor) -> tuple[Tensor | None, Tensor | None]:
        x, y = ctx.saved_tensors
        need_gx, need_gy = ctx.needs_input_grad  # plugrad.grad may want one, with both saved
        gx = gz * conj(y) if need_gx else None
        gy = gz * conj(x) if need_gy else None
        return gx, gy

    @staticmethod
    def samples(make: SampleMaker) -> Iterator[Sample]:
        yield Sample(make(3, 4), make(3, 4))
        yield Sample(make(3, 1), make(2, 1, 4))
        yield Sample(make(3), 2.5)
        yield Sample(2.5, make(3))
        yield Sample(make.complex(3), make(3))
        yield Sample(make(3), make.complex(2, 3))
        yield Sample(make(3), 1j)
        yield Sample(make.integers(3), make(3))
        yield Sample(make.booleans(3), make(3))
        yield Sample(make.integers(3), make.integers(3))
        yield Sample(make(3), make(3)).constant(1)
        yield Sample(make(0, 3), make(3))
        yield Sample(make(), make(2))
        yield Sample(make.tensor([0.0, 2.0]), make.tensor([-3.0, 0.0]))
