"""upsample_nearest3d: each element of the output is the nearest one before it of x."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from plugrad.core import Context, Function, Sample, SampleMaker, op
from plugrad.ops._sizes import Sizes, sizes
from plugrad.ops.pooling._nearest import is_channels_last, nearest_gradient


@op("upsample_nearest3d", overrides=(torch.ops.aten.upsample_nearest3d.default,), linear=True)
class UpsampleNearest3d(Function):
    """y[i] = x[floor(i n / m)];  gx = the sum of gy where x went.

    n and m are the sizes of x and y; scales, where given, stand for m / n.
    """

    @staticmethod
    def forward(
        ctx: Context,
        x: Tensor,
        output_size: Sizes,
        scales_d: float | None = None,
        scales_h: float | None = None,
        scales_w: float | None = None,
    ) -> Tensor:
        ctx.shape, ctx.size = tuple(x.shape), sizes(output_size, 3)
        ctx.options = (scales_d, scales_h, scales_w)
        ctx.in_channels_last = is_channels_last(x)
        y: Tensor = _forward(x, ctx.size, *ctx.options)
        return y

    @staticmethod
    def backward(ctx: Context, gy: Tensor) -> Tensor:
        gx: Tensor = nearest_gradient(
            _forward, _backward, gy, ctx.size, ctx.shape, ctx.options, ctx.in_channels_last
        )
        return gx

    @staticmethod
    def samples(make: SampleMaker) -> Iterator[Sample]:
        yield Sample(make(1, 1, 2, 3, 2), (4, 3, 5))
        yield Sample(make(1, 1, 3, 2, 3), output_size=[2, 2, 2])
        yield Sample(make(1, 2, 2, 1, 3), (2, 3, 3))
        yield Sample(make(1, 1, 2, 2, 2), [3, 5, 3], 2.5, 3.5, 2.5)
        ignored = "torch's kernel ignores the scales"
        yield Sample(make(1, 1, 3, 2, 2), [6, 3, 3], 2.125).without_oracle(ignored)
        yield Sample(make(1, 2, 1, 3, 2).movedim(1, -1), (3, 3, 3))
        yield Sample(make(0, 1, 2, 2, 2), (3, 3, 3))
        yield Sample(make.tensor([[[[[0.0, -2.0]]]]]), (1, 1, 3))


_forward = torch.ops.aten.upsample_nearest3d.default
_backward = torch.ops.aten.upsample_nearest3d_backward.default
