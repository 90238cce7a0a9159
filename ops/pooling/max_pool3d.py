"""nn.functional.max_pool3d: the largest element of each window, of volumes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor

from plugrad.core import Context, Function, Sample, SampleMaker, op
from plugrad.ops._float32 import in_float32_on_cpu
from plugrad.ops._sizes import Sizes
from plugrad.ops.pooling import _places


@op(
    "nn.functional.max_pool3d",
    overrides=(
        torch.nn.functional.max_pool3d,
        torch.max_pool3d,
        torch.ops.aten.max_pool3d.default,
    ),
)
class MaxPool3d(Function):
    """y = the largest x of a window;  gx = at each place the sum of gy where it was the largest.

    Of equal ones the first gets all, and nan is the largest. x may lack the batch. With
    return_indices the places are returned too.
    """

    @staticmethod
    def forward(
        ctx: Context,
        x: Tensor,
        kernel_size: Sizes,
        stride: Sizes | None = None,
        padding: Sizes = (0, 0, 0),
        dilation: Sizes = (1, 1, 1),
        ceil_mode: bool = False,
        return_indices: bool = False,
    ) -> Tensor | tuple[Tensor, Tensor]:
        y, places = _places.max_pool(
            ctx, _forward, x, kernel_size, stride, padding, dilation, ceil_mode, 3
        )
        return (y, places) if return_indices else y

    @staticmethod
    def backward(ctx: Context, gy: Tensor, *_: None) -> Tensor:
        x, places = ctx.saved_tensors
        gy, places = _places.without_empty(ctx, gy, places)
        gx: Tensor = _backward(gy, x, *ctx.window, places)
        return gx

    @staticmethod
    def samples(make: SampleMaker) -> Iterator[Sample]:
        yield Sample(make.distinct(1, 2, 2, 4, 2), 2)
        yield Sample(make.distinct(1, 3, 4, 3), (2, 1, 3), (2, 3, 1), (1, 0, 1), (1, 1, 2))
        yield Sample(make.distinct(1, 1, 2, 5, 2), [1, 3, 2], [2, 2, 1], [0, 1, 0], [1, 1, 1], True)
        yield Sample(make.distinct(1, 3, 4, 3), kernel_size=3, stride=1, padding=1, dilation=2)
        yield Sample(make(1, 2, 4, 3), (2, 3, 2), 2, ceil_mode=True)
        yield Sample(make(2, 2, 2, 3), 2, stride=1)
        yield Sample(make.tensor([[[[1.0, 1.0, 0.0], [2.0, 1.0, 1.0]]]]), (1, 2, 2), 1).at_kink()
        yield Sample(make.tensor([[[[1.0, float("nan"), 0.0, float("-inf")]]]]), (1, 1, 2))
        yield Sample(make.distinct(1, 2, 3, 2, 2).movedim(1, -1), 2)
        yield Sample(make(0, 2, 2, 2, 2), 2)
        yield Sample(make(1, 4, 4, 4), 2, padding=2).raises(RuntimeError, "pad")
        both = Sample(make.distinct(2, 3, 3, 3), 2, return_indices=True)
        yield both.waive("routes", "torch calls max_pool3d_with_indices then")


def _forward(x: Tensor, *window: Any) -> tuple[Tensor, Tensor]:
    """Call the kernel, which autocast, unlike max_pool3d, does not know."""
    (x,) = in_float32_on_cpu(x)
    y, places = torch._C._nn.max_pool3d_with_indices(x, *window)
    return y, places


_backward = torch.ops.aten.max_pool3d_with_indices_backward.default
