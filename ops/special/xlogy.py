"""xlogy: x times the logarithm of y, and 0 where x is."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from plugrad.core import Context, Function, Sample, SampleMaker, op


@op(
    "xlogy",
    methods=("xlogy",),
    overrides=(
        torch.xlogy,
        torch.special.xlogy,
        torch.ops.aten.xlogy.Tensor,
        torch.ops.aten.xlogy.Scalar_Self,
        torch.ops.aten.xlogy.Scalar_Other,
    ),
    broadcasts=True,
    elementwise=True,
    inplace=True,
)
class Xlogy(Function):
    """z = x log(y), 0 where x = 0;  gx = gz log(y), gy = gz x / y.

    Where x = 0 and y is 0 or less gx is 0, as torch's, and so is gy where both are 0.
    """

    @staticmethod
    def forward(ctx: Context, x: Tensor, y: Tensor) -> Tensor:
        ctx.save_for_backward(x, y)
        return torch.xlogy(x, y)

    @staticmethod
    def backward(ctx: Context, gz: Tensor) -> tuple[Tensor | None, Tensor | None]:
        x, y = ctx.saved_tensors
        need_gx, need_gy = ctx.needs_input_grad
        gx = gy = None
        if need_gx:
            gx = torch.where((x == 0) & (y <= 0), 0.0, torch.xlogy(gz, y))
        if need_gy:
            gy = torch.where((y == 0) & (x == 0), 0.0, gz * x / y)
        return gx, gy

    @staticmethod
    def samples(make: SampleMaker) -> Iterator[Sample]:
        yield Sample(make(3, 4), make(3, 4, low=0.3))
        yield Sample(make(3, 1), make(2, 1, 4, low=0.3))
        yield Sample(make(3), make(3, low=0.3)).constant(0)
        yield Sample(make(3), make(3, low=0.3)).constant(1)
        yield Sample(make(3), 2.5)
        yield Sample(2.5, make(3, low=0.3))
        yield Sample(make.integers(3), make(3, low=0.3))
        yield Sample(make(0, 3), make(3))
        yield Sample(make(), make(low=0.3))
        yield Sample(make.tensor([0.0, 2.0, 0.0]), make.tensor([1.5, 1.0, 0.2]))
        yield Sample(make.tensor([1.0, -2.0]), make.tensor([-1.5, -0.5]))
