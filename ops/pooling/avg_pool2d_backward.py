"""avg_pool2d_backward: avg_pool2d's gradient, as one kernel."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor

from plugrad.core import Context, Function, Sample, SampleMaker, op
from plugrad.ops._flat import flat_in
from plugrad.ops._sizes import Sizes, sizes


@op(
    "avg_pool2d_backward",
    overrides=(torch.ops.aten.avg_pool2d_backward.default,),
    aliases={"grad_output": "x", "self": "y"},
    linear=True,
)
class AvgPool2dBackward(Function):
    """z = sum(x / n) of the windows that an element of z is in;  gx = avg_pool2d(gz).

    Only y's shape matters.
    """

    @staticmethod
    def forward(
        ctx: Context,
        x: Tensor,
        y: Tensor,
        kernel_size: Sizes,
        stride: Sizes,
        padding: Sizes,
        ceil_mode: bool,
        count_include_pad: bool,
        divisor_override: int | None,
    ) -> Tensor:
        lists = [sizes(value, 2) for value in (kernel_size, stride, padding)]
        flags = bool(ceil_mode), bool(count_include_pad), divisor_override
        ctx.window = *lists, *flags
        z: Tensor = _backward(x, y, *lists, *flags)
        return z

    @staticmethod
    def backward(ctx: Context, gz: Tensor) -> tuple[Tensor, Tensor | None]:
        return torch.nn.functional.avg_pool2d(gz, *ctx.window), flat_in(1, ctx, gz)

    @staticmethod
    def samples(make: SampleMaker) -> Iterator[Sample]:
        window: list[Any]
        for y, *window in (
            (make(1, 2, 4, 4), (2, 2), (2, 2), (0, 0), False, True, None),
            (make(1, 5, 4), (3, 2), (2, 1), (1, 0), False, False, None),
            (make(1, 1, 5, 4), [3, 2], [2, 3], [1, 1], True, True, None),
            (make(1, 3, 5), (2, 2), (2, 2), (1, 1), True, False, None),
            (make(1, 3, 4), (2, 3), (), (1, 1), False, True, -3),
            (make(1, 4, 2, 1).movedim(1, -1), (1, 2), (1, 1), (0, 0), False, True, None),
            (make(0, 1, 2, 2), (2, 2), (2, 2), (0, 0), False, True, None),
            (make.tensor([[[0.0, 1.0]]]), (1, 1), (1, 1), (0, 0), False, True, None),
        ):
            x = torch.nn.functional.avg_pool2d(y, *window)
            yield Sample(make(*x.shape), y, *window)


_backward = torch.ops.aten.avg_pool2d_backward.default
