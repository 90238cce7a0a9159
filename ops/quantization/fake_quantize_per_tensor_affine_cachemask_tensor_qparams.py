"""fake_quantize_per_tensor_affine_cachemask_tensor_qparams: steps whose size is in a tensor."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from plugrad.core import Context, Sample, SampleMaker, op
from plugrad.errors import ArgumentError
from plugrad.ops.quantization._straight_through import (
    REASON,
    StraightThrough,
    noted,
    refuse_parameters,
)

_KERNEL = torch.ops.aten._fake_quantize_per_tensor_affine_cachemask_tensor_qparams.default


@op(
    "fake_quantize_per_tensor_affine_cachemask_tensor_qparams",
    overrides=(_KERNEL,),
    surrogate=REASON,
    surrogate_reference=_KERNEL,
)
class FakeQuantizePerTensorAffineCachemaskTensorQparams(StraightThrough):
    """y = (clamp(q, quant_min, quant_max) - zero_point) scale, q = round(x / scale) + zero_point.

    gx = gy mask, where mask, the second output, is whether q is between quant_min and quant_max.
    With a fake_quant_enabled of 0 y is x, and all of mask is True. scale and zero_point have no
    gradient (nor do they in torch).
    """

    @staticmethod
    def forward(
        ctx: Context,
        x: Tensor,
        scale: Tensor,
        zero_point: Tensor,
        fake_quant_enabled: Tensor,
        quant_min: int,
        quant_max: int,
    ) -> tuple[Tensor, Tensor]:
        refuse_parameters(ctx, "fake_quantize_per_tensor_affine_cachemask_tensor_qparams")
        parts = x, scale, zero_point, fake_quant_enabled
        return noted(ctx, _KERNEL(*parts, quant_min, quant_max))

    @staticmethod
    def samples(make: SampleMaker) -> Iterator[Sample]:
        scale, zero = make.tensor([0.25]), make.tensor([2], torch.int32)
        on, off = make.tensor([1], torch.int64), make.tensor([0], torch.int64)
        for x in (make(3, 4), make.tensor([-9.0, 0.0, 0.25, 9.0]), make(), make(0, 3)):
            yield Sample(x, scale, zero, on, -8, 7).constant(1)
        yield Sample(make(2, 3), scale, zero, off, 0, quant_max=5).constant(1)
        floating = Sample(make(5), scale, make.tensor([1.0]), on, -2, 7)
        yield floating.constant(1, 2)
        yield Sample(make(3), scale, zero, on, 0, 7).raises(ArgumentError, "scale")
