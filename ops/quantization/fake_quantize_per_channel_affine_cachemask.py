"""fake_quantize_per_channel_affine_cachemask: rounded to steps of one size for each channel."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from plugrad.core import Context, Sample, SampleMaker, op
from plugrad.errors import ArgumentError
from plugrad.ops.quantization._straight_through import (
    IN_FLOAT32,
    REASON,
    StraightThrough,
    noted,
    refuse_parameters,
)

_KERNEL = torch.ops.aten.fake_quantize_per_channel_affine_cachemask.default


@op(
    "fake_quantize_per_channel_affine_cachemask",
    overrides=(_KERNEL,),
    surrogate=REASON,
    surrogate_reference=_KERNEL,
    equivalent={"float32-inside": IN_FLOAT32},
)
class FakeQuantizePerChannelAffineCachemask(StraightThrough):
    """y = (clamp(q, quant_min, quant_max) - zero_point) scale, q = round(x / scale) + zero_point.

    There is one scale and one zero_point for each index of the dimension axis, and no gradient
    of them (nor does torch have one). gx = gy mask, where mask, the second output, is whether q
    is between quant_min and quant_max. torch.fake_quantize_per_channel_affine gives y.
    """

    @staticmethod
    def forward(
        ctx: Context,
        x: Tensor,
        scale: Tensor,
        zero_point: Tensor,
        axis: int,
        quant_min: int,
        quant_max: int,
    ) -> tuple[Tensor, Tensor]:
        refuse_parameters(ctx, "fake_quantize_per_channel_affine_cachemask")
        return noted(ctx, _KERNEL(x, scale, zero_point, axis, quant_min, quant_max))

    @staticmethod
    def samples(make: SampleMaker) -> Iterator[Sample]:
        scale = make.tensor([0.25, 0.5, 1.0], torch.float32)
        zero = make.tensor([2, 0, -1], torch.int32)
        yield Sample(make(3, 4), scale, zero, 0, -8, 7).constant(1)
        yield Sample(make(2, 3), scale, zero, 1, -4, quant_max=5).constant(1)
        yield Sample(make(2, 3, 2), scale, zero.float(), 1, -1, 3).constant(1, 2)
        edges = make.tensor([[-9.0, 0.0, 9.0], [9.0, 0.5, -9.0]])
        yield Sample(edges, scale, zero, axis=1, quant_min=-4, quant_max=3).constant(1)
        yield Sample(make(0, 3), scale, zero, 1, -8, 7).constant(1)
        floating = Sample(make(2, 3), scale, zero.float(), 1, -8, 7).constant(1)
        yield floating.raises(ArgumentError, "zero_point")
