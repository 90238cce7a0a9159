"""adaptive_avg_pool2d_backward: adaptive_avg_pool2d's gradient, as one kernel."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from plugrad.core import Context, Function, Sample, SampleMaker, op
from plugrad.ops._flat import flat_in
from plugrad.ops._outer import check_outer


@op(
    "adaptive_avg_pool2d_backward",
    overrides=(torch.ops.aten._adaptive_avg_pool2d_backward.default,),
    aliases={"grad_output": "x", "self": "y"},
    linear=True,
)
class AdaptiveAvgPool2dBackward(Function):
    """z = sum(x / n) of the windows that an element of z is in;  gx = adaptive_avg_pool2d(gz).

    Only y's shape matters.
    """

    @staticmethod
    def forward(ctx: Context, x: Tensor, y: Tensor) -> Tensor:
        check_outer("adaptive_avg_pool2d_backward", x, y, 2)
        ctx.size = tuple(x.shape[-2:])
        z: Tensor = _backward(x, y)
        return z

    @staticmethod
    def backward(ctx: Context, gz: Tensor) -> tuple[Tensor, Tensor | None]:
        return torch.nn.functional.adaptive_avg_pool2d(gz, ctx.size), flat_in(1, ctx, gz)

    @staticmethod
    def samples(make: SampleMaker) -> Iterator[Sample]:
        yield Sample(make(2, 1, 3, 2), make(2, 1, 5, 3))
        yield Sample(make(2, 2, 3), make(2, 3, 2))
        yield Sample(make(1, 2, 1, 1), make(1, 2, 3, 2))
        yield Sample(make(2, 1, 3), make(2, 3, 3))
        yield Sample(make(2, 2, 2, 1), make(2, 3, 2, 2).movedim(1, -1))
        yield Sample(make(0, 2, 3, 3), make(0, 2, 4, 4))
        yield Sample(make.tensor([[[0.0, 1.0]]]), make(1, 1, 3))


_backward = torch.ops.aten._adaptive_avg_pool2d_backward.default
