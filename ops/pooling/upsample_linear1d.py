"""upsample_linear1d: the output interpolates between neighbours, linearly."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from plugrad.core import Context, Function, Sample, SampleMaker, op
from plugrad.ops._sizes import Sizes, sizes


@op("upsample_linear1d", overrides=(torch.ops.aten.upsample_linear1d.default,), linear=True)
class UpsampleLinear1d(Function):
    """y = sum(w x) of the neighbours;  gx = the sum of w gy.

    With align_corners the corners of both are one; scales, where given, say how far apart
    elements are.
    """

    @staticmethod
    def forward(
        ctx: Context,
        x: Tensor,
        output_size: Sizes,
        align_corners: bool,
        scales: float | None = None,
    ) -> Tensor:
        ctx.shape, ctx.size = tuple(x.shape), sizes(output_size, 1)
        ctx.options = (bool(align_corners), scales)
        y: Tensor = _forward(x, ctx.size, *ctx.options)
        return y

    @staticmethod
    def backward(ctx: Context, gy: Tensor) -> Tensor:
        gx: Tensor = _backward(gy, ctx.size, ctx.shape, *ctx.options)
        return gx

    @staticmethod
    def samples(make: SampleMaker) -> Iterator[Sample]:
        yield Sample(make(2, 2, 3), (5,), False)
        yield Sample(make(2, 2, 3), (5,), True)
        yield Sample(make(1, 2, 4), output_size=[2], align_corners=False)
        yield Sample(make(1, 2, 4), output_size=[2], align_corners=True)
        yield Sample(make(1, 1, 5), (5,), False)
        yield Sample(make(1, 2, 3), [7], False, 3.5)
        yield Sample(make(2, 3, 2).mT, (3,), False)
        yield Sample(make(0, 1, 2), (3,), False)
        yield Sample(make.tensor([[[0.0, -2.0]]]), (3,), False)


_forward = torch.ops.aten.upsample_linear1d.default
_backward = torch.ops.aten.upsample_linear1d_backward.default
