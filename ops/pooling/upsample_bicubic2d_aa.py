"""upsample_bicubic2d_aa: bicubic resizing that averages where it shrinks."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from plugrad.core import Context, Function, Sample, SampleMaker, op
from plugrad.ops._sizes import Sizes, sizes
from plugrad.ops.pooling._antialiased import antialiased, antialiased_gradient


@op(
    "upsample_bicubic2d_aa", overrides=(torch.ops.aten._upsample_bicubic2d_aa.default,), linear=True
)
class UpsampleBicubic2dAa(Function):
    """y = sum(w x) of a window;  gx = the sum of w gy.

    With align_corners the corners of both are one; scales, where given, say how far apart
    elements are.
    """

    @staticmethod
    def forward(
        ctx: Context,
        x: Tensor,
        output_size: Sizes,
        align_corners: bool,
        scales_h: float | None = None,
        scales_w: float | None = None,
    ) -> Tensor:
        ctx.shape, ctx.size = tuple(x.shape), sizes(output_size, 2)
        ctx.options = (bool(align_corners), (scales_h, scales_w))
        y: Tensor = antialiased(_forward, x, ctx.size, *ctx.options)
        return y

    @staticmethod
    def backward(ctx: Context, gy: Tensor) -> Tensor:
        gx: Tensor = antialiased_gradient(_backward, gy, ctx.size, ctx.shape, *ctx.options)
        return gx

    @staticmethod
    def samples(make: SampleMaker) -> Iterator[Sample]:
        yield Sample(make(1, 2, 3, 2), (5, 4), False)
        yield Sample(make(1, 2, 3, 2), (5, 4), True)
        yield Sample(make(1, 2, 4, 3), output_size=[2, 2], align_corners=False)
        yield Sample(make(1, 2, 4, 3), output_size=[2, 2], align_corners=True)
        yield Sample(make(2, 1, 5, 2), (3, 5), False)
        yield Sample(make(1, 1, 2, 3), [5, 7], False, 3.5, 3.6)
        stays = "torch's kernel for the gradient resizes a dimension that forward leaves as it is"
        yield Sample(make(1, 1, 2, 3), [5, 3], False, 2.5, 1.3).without_oracle(stays)
        yield Sample(make(1, 2, 3, 2).movedim(1, -1), (3, 3), False)
        yield Sample(make(0, 1, 2, 2), (3, 3), False)
        yield Sample(make.tensor([[[[0.0, -2.0]]]]), (1, 3), False)


_forward = torch.ops.aten._upsample_bicubic2d_aa.default
_backward = torch.ops.aten._upsample_bicubic2d_aa_backward.default
