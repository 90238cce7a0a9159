"""nn.functional.avg_pool2d: the mean of each window, of images."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from plugrad.core import Context, Function, Sample, SampleMaker, op
from plugrad.ops._sizes import Sizes, sizes


@op(
    "nn.functional.avg_pool2d",
    overrides=(torch.nn.functional.avg_pool2d, torch.ops.aten.avg_pool2d.default),
    linear=True,
)
class AvgPool2d(Function):
    """y = sum(x) / n of a window;  gx = sum(gy / n) of the windows that x is in.

    n is the number of elements, or divisor_override; what padding adds counts, or not. x may lack
    the batch.
    """

    @staticmethod
    def forward(
        ctx: Context,
        x: Tensor,
        kernel_size: Sizes,
        stride: Sizes | None = None,
        padding: Sizes = (0, 0),
        ceil_mode: bool = False,
        count_include_pad: bool = True,
        divisor_override: int | None = None,
    ) -> Tensor:
        stride = () if stride is None else stride
        y: Tensor = _forward(
            x, kernel_size, stride, padding, ceil_mode, count_include_pad, divisor_override
        )
        ctx.save_for_backward(x)  # for its shape
        window = [sizes(value, 2) for value in (kernel_size, stride, padding)]
        window[1] = window[1] or window[0]
        ctx.window = (*window, bool(ceil_mode), bool(count_include_pad), divisor_override)
        return y

    @staticmethod
    def backward(ctx: Context, gy: Tensor) -> Tensor:
        (x,) = ctx.saved_tensors
        gx: Tensor = _backward(gy, x, *ctx.window)
        return gx

    @staticmethod
    def samples(make: SampleMaker) -> Iterator[Sample]:
        yield Sample(make(1, 2, 4, 4), 2)
        yield Sample(make(2, 5, 4), (3, 2), (2, 1), (1, 0))
        yield Sample(make(1, 1, 5, 4), [3, 2], [2, 3], [1, 1], True, False, None)
        yield Sample(make(1, 3, 6), kernel_size=(2, 3), stride=2, padding=1, ceil_mode=True)
        yield Sample(make(1, 3, 4), (2, 3), 2, 1, count_include_pad=False)
        yield Sample(make(1, 3, 4), 2, 2, 1, True, True, 3)
        yield Sample(make(1, 3, 4), (2, 3), stride=1, padding=1, divisor_override=-2)
        yield Sample(make(2, 4, 3, 2).movedim(1, -1), 2)
        yield Sample(make(0, 2, 4, 4), 2)
        yield Sample(make.tensor([[[1.0, 0.0, -2.0, 0.0]]]), (1, 2))
        yield Sample(make(1, 4, 4), 2, padding=2).raises(RuntimeError, "pad")


_forward = torch._C._nn.avg_pool2d
_backward = torch.ops.aten.avg_pool2d_backward.default
