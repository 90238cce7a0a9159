"""nn.functional.avg_pool1d: the mean of each window, along the last dimension."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from plugrad.core import Context, Function, Sample, SampleMaker, op
from plugrad.ops._sizes import Sizes, sizes


@op(
    "nn.functional.avg_pool1d",
    overrides=(torch.nn.functional.avg_pool1d, torch.ops.aten.avg_pool1d.default),
    linear=True,
)
class AvgPool1d(Function):
    """y = sum(x) / n of a window;  gx = sum(gy / n) of the windows that x is in.

    n is the number of elements; what padding adds counts, or not. x may lack
    the batch.
    """

    @staticmethod
    def forward(
        ctx: Context,
        x: Tensor,
        kernel_size: Sizes,
        stride: Sizes | None = None,
        padding: Sizes = (0,),
        ceil_mode: bool = False,
        count_include_pad: bool = True,
    ) -> Tensor:
        stride = () if stride is None else stride
        y: Tensor = _forward(x, kernel_size, stride, padding, ceil_mode, count_include_pad)
        ctx.save_for_backward(x)  # for its shape
        window = [sizes(value, 1) for value in (kernel_size, stride, padding)]
        window[1] = window[1] or window[0]
        ctx.window = (*window, bool(ceil_mode), bool(count_include_pad))
        return y

    @staticmethod
    def backward(ctx: Context, gy: Tensor) -> Tensor:
        (x,) = ctx.saved_tensors
        kernel_size, stride, padding, *flags = ctx.window
        x, gy = x.unsqueeze(-2), gy.unsqueeze(-2)
        gx = _backward(gy, x, (1, *kernel_size), (1, *stride), (0, *padding), *flags, None)
        return gx.squeeze(-2)

    @staticmethod
    def samples(make: SampleMaker) -> Iterator[Sample]:
        yield Sample(make(2, 2, 6), 2)
        yield Sample(make(2, 7), 3, 2, 1)
        yield Sample(make(1, 1, 6), [4], [3], [1], True, False)
        yield Sample(make(1, 5), kernel_size=2, stride=3, padding=1, ceil_mode=True)
        yield Sample(make(2, 5), 3, 2, 1, count_include_pad=False)
        yield Sample(make(2, 4), 2, stride=1)
        yield Sample(make(2, 3, 2).mT, 2)
        yield Sample(make(0, 2, 4), 2)
        yield Sample(make.tensor([[1.0, 0.0, -2.0, 0.0]]), 2)
        yield Sample(make(1, 4), 2, padding=2).raises(RuntimeError, "pad")


_forward = torch.avg_pool1d
_backward = torch.ops.aten.avg_pool2d_backward.default
