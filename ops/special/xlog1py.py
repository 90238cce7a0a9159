"""special.xlog1py: x times the logarithm of 1 + y, and 0 where x is."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from plugrad.core import Context, Function, Sample, SampleMaker, op


@op(
    "xlog1py",
    overrides=(
        torch.special.xlog1py,
        torch.ops.aten.special_xlog1py.default,
        torch.ops.aten.special_xlog1py.self_scalar,
        torch.ops.aten.special_xlog1py.other_scalar,
    ),
    broadcasts=True,
    elementwise=True,
)
class Xlog1py(Function):
    """z = x log(1 + y), 0 where x = 0;  gx = gz log(1 + y), gy = gz x / (1 + y).

    Where x = 0 and y is -1 or less gx is 0, as torch's, and so is gy where x = 0 and y = -1.
    """

    @staticmethod
    def forward(ctx: Context, x: Tensor, y: Tensor) -> Tensor:
        ctx.save_for_backward(x, y)
        return torch.special.xlog1py(x, y)

    @staticmethod
    def backward(ctx: Context, gz: Tensor) -> tuple[Tensor | None, Tensor | None]:
        x, y = ctx.saved_tensors
        need_gx, need_gy = ctx.needs_input_grad
        gx = gy = None
        if need_gx:
            gx = torch.where((x == 0) & (y <= -1), 0.0, torch.special.xlog1py(gz, y))
        if need_gy:
            gy = torch.where((y == -1) & (x == 0), 0.0, gz * x / (y + 1))
        return gx, gy

    @staticmethod
    def samples(make: SampleMaker) -> Iterator[Sample]:
        yield Sample(make(3, 4), make(3, 4, low=-0.7))
        yield Sample(make(3, 1), make(2, 1, 4, low=-0.7))
        yield Sample(make(3), make(3, low=-0.7)).constant(0)
        yield Sample(make(3), make(3, low=-0.7)).constant(1)
        yield Sample(make(3), 2.5)
        yield Sample(2.5, make(3, low=-0.7))
        yield Sample(make.integers(3), make(3, low=-0.7))
        yield Sample(make(0, 3), make(3))
        yield Sample(make(), make(low=-0.7))
        yield Sample(make.tensor([0.0, 2.0, 0.0]), make.tensor([1.5, 1.0, 0.2]))
        yield Sample(make.tensor([1.0, -2.0]), make.tensor([0.0, 0.5]))
