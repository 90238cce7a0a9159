"""upsample_lanczos2d_aa_backward: upsample_lanczos2d_aa's gradient, as one kernel."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from plugrad.core import Context, Function, Sample, SampleMaker, op
from plugrad.ops._sizes import Sizes, sizes
from plugrad.ops.pooling._antialiased import antialiased, antialiased_gradient


@op(
    "upsample_lanczos2d_aa_backward",
    overrides=(torch.ops.aten._upsample_lanczos2d_aa_backward.default,),
    aliases={"grad_output": "x"},
    linear=True,
)
class UpsampleLanczos2dAaBackward(Function):
    """z = the sum of w x, as z was weighted;  gx = upsample_lanczos2d_aa(gz)."""

    @staticmethod
    def forward(
        ctx: Context,
        x: Tensor,
        output_size: Sizes,
        input_size: Sizes,
        align_corners: bool,
        scales_h: float | None = None,
        scales_w: float | None = None,
    ) -> Tensor:
        ctx.size = sizes(output_size, 2)
        ctx.options = (bool(align_corners), (scales_h, scales_w))
        shape = sizes(input_size, 1)
        z: Tensor = antialiased_gradient(_backward, x, ctx.size, shape, *ctx.options)
        return z

    @staticmethod
    def backward(ctx: Context, gz: Tensor) -> Tensor:
        gx: Tensor = antialiased(_forward, gz, ctx.size, *ctx.options)
        return gx

    @staticmethod
    def samples(make: SampleMaker) -> Iterator[Sample]:
        yield Sample(make(1, 2, 5, 4), (5, 4), (1, 2, 3, 2), False)
        yield Sample(make(1, 2, 2, 2), [2, 2], (1, 2, 4, 3), False)
        yield Sample(make(2, 1, 3, 5), (3, 5), (2, 1, 5, 2), False)
        yield Sample(make(1, 1, 5, 7), [5, 7], [1, 1, 2, 3], False, 3.5, 3.6)
        yield Sample(make(0, 1, 3, 3), (3, 3), (0, 1, 2, 2), False)
        yield Sample(make.tensor([[[[0.0, -2.0, 1.0]]]]), (1, 3), (1, 1, 1, 2), False)


_forward = torch.ops.aten._upsample_lanczos2d_aa.default
_backward = torch.ops.aten._upsample_lanczos2d_aa_backward.default
