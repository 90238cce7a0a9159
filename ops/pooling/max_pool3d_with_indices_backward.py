"""max_pool3d_with_indices_backward: max_pool3d's gradient, as one kernel."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor

from plugrad.core import Context, Function, Sample, SampleMaker, op
from plugrad.ops._flat import flat_in
from plugrad.ops._outer import check_places
from plugrad.ops._sizes import Sizes
from plugrad.ops.pooling._places import gathered


@op(
    "max_pool3d_with_indices_backward",
    overrides=(torch.ops.aten.max_pool3d_with_indices_backward.default,),
    aliases={"grad_output": "x", "self": "y"},
    linear=True,
)
class MaxPool3dWithIndicesBackward(Function):
    """z = zeros of y's shape with each x added at its place;  gx = gz at the places.

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
        dilation: Sizes,
        ceil_mode: bool,
        indices: Tensor,
    ) -> Tensor:
        check_places("max_pool3d_with_indices_backward", x, y, indices, 3)
        ctx.save_for_backward(indices)
        z: Tensor = _backward(x, y, kernel_size, stride, padding, dilation, ceil_mode, indices)
        return z

    @staticmethod
    def backward(ctx: Context, gz: Tensor) -> tuple[Tensor | None, ...]:
        (indices,) = ctx.saved_tensors
        return gathered(gz, indices, 3), flat_in(1, ctx, gz), *(None,) * 6

    @staticmethod
    def samples(make: SampleMaker) -> Iterator[Sample]:
        window: list[Any]
        for y, *window in (
            (make.distinct(1, 2, 2, 4, 2), (2, 2, 2), (2, 2, 2), (0, 0, 0), (1, 1, 1), False),
            (make.distinct(1, 3, 4, 3), (2, 1, 3), (2, 3, 1), (1, 0, 1), (1, 1, 2), False),
            (make.distinct(1, 2, 5, 2), [1, 3, 2], [2, 2, 1], [0, 1, 0], [1, 1, 1], True),
            (make.distinct(1, 2, 2, 3), (2, 2, 2), (), (0, 0, 0), (1, 1, 1), False),
        ):
            x, indices = torch._C._nn.max_pool3d_with_indices(y, *window)
            yield Sample(make(*x.shape), y, *window, indices)
        last = y[None].movedim(1, -1).contiguous().movedim(-1, 1)
        x, indices = torch._C._nn.max_pool3d_with_indices(last, (1, 1, 1))
        window = [(1, 1, 1), (1, 1, 1), (0, 0, 0), (1, 1, 1), False]
        yield Sample(make(*x.shape), last, *window, indices)


_backward = torch.ops.aten.max_pool3d_with_indices_backward.default
