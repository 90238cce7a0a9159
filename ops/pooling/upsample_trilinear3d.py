"""upsample_trilinear3d: the output interpolates between neighbours, linearly."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from plugrad.core import Context, Function, Sample, SampleMaker, op
from plugrad.ops._sizes import Sizes, sizes


@op("upsample_trilinear3d", overrides=(torch.ops.aten.upsample_trilinear3d.default,), linear=True)
class UpsampleTrilinear3d(Function):
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
        scales_d: float | None = None,
        scales_h: float | None = None,
        scales_w: float | None = None,
    ) -> Tensor:
        ctx.shape, ctx.size = tuple(x.shape), sizes(output_size, 3)
        ctx.options = (bool(align_corners), scales_d, scales_h, scales_w)
        y: Tensor = _forward(x, ctx.size, *ctx.options)
        return y

    @staticmethod
    def backward(ctx: Context, gy: Tensor) -> Tensor:
        gx: Tensor = _backward(gy, ctx.size, ctx.shape, *ctx.options)
        return gx

    @staticmethod
    def samples(make: SampleMaker) -> Iterator[Sample]:
        yield Sample(make(1, 1, 2, 3, 2), (4, 3, 5), False)
        yield Sample(make(1, 1, 2, 3, 2), (4, 3, 5), True)
        yield Sample(make(1, 1, 3, 2, 3), output_size=[2, 2, 2], align_corners=False)
        yield Sample(make(1, 1, 3, 2, 3), output_size=[2, 2, 2], align_corners=True)
        yield Sample(make(1, 2, 2, 1, 3), (2, 3, 3), False)
        yield Sample(make(1, 1, 2, 2, 2), [3, 5, 3], False, 2.5, 3.5, 2.5)
        yield Sample(make(1, 2, 1, 3, 2).movedim(1, -1), (3, 3, 3), False)
        yield Sample(make(0, 1, 2, 2, 2), (3, 3, 3), False)
        yield Sample(make.tensor([[[[[0.0, -2.0]]]]]), (1, 1, 3), False)


_forward = torch.ops.aten.upsample_trilinear3d.default
_backward = torch.ops.aten.upsample_trilinear3d_backward.default
