"""fake_quantize_per_tensor_affine_cachemask: rounded to steps of one size, and what is in range."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from plugrad.core import Context, Sample, SampleMaker, op
from plugrad.ops.quantization._straight_through import REASON, StraightThrough, noted

_KERNEL = torch.ops.aten.fake_quantize_per_tensor_affine_cachemask.default


@op(
    "fake_quantize_per_tensor_affine_cachemask",
    overrides=(_KERNEL,),
    surrogate=REASON,
    surrogate_reference=_KERNEL,
)
class FakeQuantizePerTensorAffineCachemask(StraightThrough):
    """y = (clamp(q, quant_min, quant_max) - zero_point) scale, q = round(x / scale) + zero_point.

    gx = gy mask, where mask, the second output, is whether q is between quant_min and quant_max.
    torch.fake_quantize_per_tensor_affine gives y.
    """

    @staticmethod
    def forward(
        ctx: Context, x: Tensor, scale: float, zero_point: int, quant_min: int, quant_max: int
    ) -> tuple[Tensor, Tensor]:
        return noted(ctx, _KERNEL(x, scale, zero_point, quant_min, quant_max))

    @staticmethod
    def samples(make: SampleMaker) -> Iterator[Sample]:
        yield Sample(make(3, 4), 0.1, 0, -8, 7)
        yield Sample(make(2, 3), scale=0.25, zero_point=2, quant_min=0, quant_max=5)
        yield Sample(make.tensor([-9.0, 0.0, 0.25, 9.0]), 0.5, 1, -4, 3)
        yield Sample(make(), 2.0, 0, 0, 255)
        yield Sample(make(0, 3), 0.1, 0, 0, 255)
        wrong = Sample(make(3), 0.1, 9, 0, 7)
        yield wrong.raises(RuntimeError, "zero_point")
