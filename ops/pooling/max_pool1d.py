"""nn.functional.max_pool1d: the largest element of each window, along the last dimension."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from plugrad.core import Context, Function, Sample, SampleMaker, op
from plugrad.ops._sizes import Sizes
from plugrad.ops.pooling import _places


@op(
    "nn.functional.max_pool1d",
    overrides=(
        torch.nn.functional.max_pool1d,
        torch.max_pool1d,
        torch.ops.aten.max_pool1d.default,
    ),
)
class MaxPool1d(Function):
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
        padding: Sizes = (0,),
        dilation: Sizes = (1,),
        ceil_mode: bool = False,
        return_indices: bool = False,
    ) -> Tensor | tuple[Tensor, Tensor]:
        if not (x.is_floating_point() or return_indices):  # torch refuses it
            return torch.max_pool1d(x, kernel_size, stride or (), padding, dilation, ceil_mode)
        y, places = _places.max_pool(
            ctx, _forward, x, kernel_size, stride, padding, dilation, ceil_mode, 1
        )
        return (y, places) if return_indices else y

    @staticmethod
    def backward(ctx: Context, gy: Tensor, *_: None) -> Tensor:
        x, places = ctx.saved_tensors
        gy, places = _places.without_empty(ctx, gy, places)
        kernel_size, stride, padding, dilation, ceil_mode = ctx.window
        gx = _backward(
            gy.unsqueeze(-2),
            x.unsqueeze(-2),
            (1, *kernel_size),
            (1, *stride),
            (0, *padding),
            (1, *dilation),
            ceil_mode,
            places.unsqueeze(-2),
        )
        return gx.squeeze(-2)

    @staticmethod
    def samples(make: SampleMaker) -> Iterator[Sample]:
        yield Sample(make.distinct(2, 2, 6), 2)
        yield Sample(make.distinct(2, 7), 3, 2, 1, 2)
        yield Sample(make.distinct(1, 1, 6), [4], [3], [0], [1], True)
        yield Sample(make.distinct(1, 2, 4), kernel_size=3, stride=1, padding=1, dilation=2)
        yield Sample(make(1, 6), 3, 2, ceil_mode=True)
        yield Sample(make(2, 4), 2, stride=1)
        yield Sample(make.tensor([[1.0, 1.0, 0.0, 2.0, 2.0, 2.0]]), 3, 1).at_kink()
        yield Sample(make.tensor([[1.0, float("nan"), 0.0, float("-inf")]]), 2)
        yield Sample(make.distinct(2, 3, 2).mT, 2)
        yield Sample(make(0, 2, 4), 2)
        yield Sample(make(1, 4), 2, padding=2).raises(RuntimeError, "pad")
        both = Sample(make.distinct(2, 3), 2, return_indices=True)
        yield both.waive("routes", "torch calls max_pool1d_with_indices then")
        yield Sample(make.integers(2, 4), 2).raises(RuntimeError, "Long")


_forward = torch.max_pool1d_with_indices
_backward = torch.ops.aten.max_pool2d_with_indices_backward.default
