"""im2col: the windows of images as columns."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from plugrad.core import Context, Function, Sample, SampleMaker, op
from plugrad.ops._sizes import Sizes, sizes


@op("im2col", overrides=(torch.ops.aten.im2col.default, torch._C._nn.im2col), linear=True)
class Im2col(Function):
    """y = a column for each window of x;  gx = at each place the sum of gy there (col2im).

    x has the dimensions batch, channel, height, width, or all but the batch; the columns of y have
    the elements of all channels.
    """

    @staticmethod
    def forward(
        ctx: Context,
        x: Tensor,
        kernel_size: Sizes,
        dilation: Sizes,
        padding: Sizes,
        stride: Sizes,
    ) -> Tensor:
        ctx.size = tuple(x.shape[-2:])
        ctx.window = [sizes(value, 2) for value in (kernel_size, dilation, padding, stride)]
        y: Tensor = torch._C._nn.im2col(x, *ctx.window)
        return y

    @staticmethod
    def backward(ctx: Context, gy: Tensor) -> Tensor:
        gx: Tensor = torch._C._nn.col2im(gy, ctx.size, *ctx.window)
        return gx

    @staticmethod
    def samples(make: SampleMaker) -> Iterator[Sample]:
        yield Sample(make(1, 2, 3, 4), (2, 3), (1, 1), (0, 0), (1, 1))
        yield Sample(make(2, 4, 3), [2, 2], [2, 1], [1, 0], [1, 2])
        yield Sample(
            make(1, 2, 2), kernel_size=[2, 1], dilation=[1, 1], padding=[1, 1], stride=[3, 1]
        )
        yield Sample(make.complex(1, 3, 2), (2, 2), (1, 1), (0, 1), (1, 1))
        yield Sample(make(1, 3, 2, 2).movedim(1, -1), (2, 2), (1, 1), (0, 0), (1, 1))
        yield Sample(make(0, 2, 3, 3), (2, 2), (1, 1), (0, 0), (1, 1))
        yield Sample(make.tensor([[[0.0, -2.0, 1.0]]]), (1, 2), (1, 1), (0, 0), (1, 1))
        large = Sample(make(1, 2, 2), (3, 3), (1, 1), (0, 0), (1, 1))
        yield large.raises(RuntimeError, "sliding blocks")
