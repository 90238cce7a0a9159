"""col2im: columns added up where the windows of images would be."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from plugrad.core import Context, Function, Sample, SampleMaker, op
from plugrad.ops._sizes import Sizes, sizes


@op("col2im", overrides=(torch.ops.aten.col2im.default, torch._C._nn.col2im), linear=True)
class Col2im(Function):
    """y = at each place the sum of the columns of x there;  gx = the windows of gy (im2col).

    x has the dimensions batch, channel times window, windows, or all but the batch.
    """

    @staticmethod
    def forward(
        ctx: Context,
        x: Tensor,
        output_size: Sizes,
        kernel_size: Sizes,
        dilation: Sizes,
        padding: Sizes,
        stride: Sizes,
    ) -> Tensor:
        ctx.window = [sizes(value, 2) for value in (kernel_size, dilation, padding, stride)]
        y: Tensor = torch._C._nn.col2im(x, sizes(output_size, 2), *ctx.window)
        return y

    @staticmethod
    def backward(ctx: Context, gy: Tensor) -> Tensor:
        gx: Tensor = torch._C._nn.im2col(gy, *ctx.window)
        return gx

    @staticmethod
    def samples(make: SampleMaker) -> Iterator[Sample]:
        yield Sample(make(1, 12, 4), (3, 4), (2, 3), (1, 1), (0, 0), (1, 1))
        yield Sample(make(2, 8, 4), [4, 3], [2, 2], [2, 1], [1, 0], [1, 2])
        yield Sample(
            make(2, 8), (2, 2), kernel_size=[2, 1], dilation=[1, 1], padding=[1, 1], stride=[2, 1]
        )
        yield Sample(make.complex(4, 6), (3, 2), (2, 2), (1, 1), (0, 1), (1, 1))
        yield Sample(make(4, 4, 1).movedim(-1, 0).mT, (3, 3), (2, 2), (1, 1), (0, 0), (1, 1))
        yield Sample(make(0, 4, 4), (3, 3), (2, 2), (1, 1), (0, 0), (1, 1))
        yield Sample(make.tensor([[0.0, -2.0], [0.0, 1.0]]), (1, 3), (1, 2), (1, 1), (0, 0), (1, 1))
        few = Sample(make(4, 3), (3, 3), (2, 2), (1, 1), (0, 0), (1, 1))
        yield few.raises(RuntimeError, "xpected size of input")
