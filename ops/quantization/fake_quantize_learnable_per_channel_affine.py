"""fake_quantize_learnable_per_channel_affine: a step size learned for each channel."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from plugrad.core import Context, Function, Sample, SampleMaker, op
from plugrad.ops.quantization import _learnable
from plugrad.ops.quantization._straight_through import IN_FLOAT32

_KERNEL = torch.ops.aten._fake_quantize_learnable_per_channel_affine.default
_WITH_MASK = torch.ops.aten.fake_quantize_per_channel_affine_cachemask.default


def _reference(
    x: Tensor,
    scale: Tensor,
    zero_point: Tensor,
    axis: int,
    quant_min: int,
    quant_max: int,
    grad_factor: float = 1.0,
) -> Tensor:
    bounds = quant_min, quant_max
    return _learnable.reference(x, scale, zero_point, bounds, grad_factor, _along(x, axis))


@op(
    "fake_quantize_learnable_per_channel_affine",
    overrides=(torch._fake_quantize_learnable_per_channel_affine, _KERNEL),
    surrogate=_learnable.REASON,
    surrogate_reference=_reference,
    equivalent={**_learnable.NO_STEP, "float32-inside": IN_FLOAT32},
    waives={"sizes": "torch's kernel refuses what has no channels"},
)
class FakeQuantizeLearnablePerChannelAffine(Function):
    """y = (clamp(q, quant_min, quant_max) - z) s, q = round(x / s) + z, z = round(zero_point).

    scale, s, and zero_point have one element for each index of the dimension axis. Where q is in
    range: gx = gy, gs += gy (y - x) / s; elsewhere gs += gy y / s, gzero_point -= gy s. Both are
    times grad_factor. Esser et al. 2020, "Learned step size quantization".
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
        grad_factor: float = 1.0,
    ) -> Tensor:
        ctx.save_for_backward(x, scale, zero_point)
        ctx.axis, ctx.bounds, ctx.grad_factor = axis, (quant_min, quant_max), grad_factor
        return _KERNEL(x, scale, zero_point, axis, quant_min, quant_max)

    @staticmethod
    def backward(ctx: Context, gy: Tensor) -> tuple[Tensor | None, ...]:
        def with_mask(*parts: Tensor) -> tuple[Tensor, Tensor]:
            return _WITH_MASK(*parts, ctx.axis, *ctx.bounds)

        return _learnable.gradients(ctx, gy, with_mask, _along(gy, ctx.axis))

    @staticmethod
    def samples(make: SampleMaker) -> Iterator[Sample]:
        scale = make.tensor([0.25, 0.5, 1.0], torch.float32)
        zero = make.tensor([1.2, -0.7, 0.0], torch.float32)
        yield Sample(make(3, 4), scale, zero, 0, -4, 5)
        yield Sample(make(2, 3), scale, zero, axis=1, quant_min=-4, quant_max=5, grad_factor=0.25)
        yield Sample(make(2, 3, 2), scale, zero, 1, -1, 1, 2.0)
        edges = make.tensor([[-9.0, 0.0, 9.0], [9.0, 0.3, -9.0]])
        yield Sample(edges, scale, make.tensor([1, 0, 2], torch.int32), 1, -4, 3)
        for constant in (0, 1, 2):
            yield Sample(make(2, 3), scale, zero, 1, -1, 1).constant(constant)
        yield Sample(make(0, 3), scale, zero, 1, -4, 5)
        yield Sample(make(2, 3), scale, zero, 0, 0, 7).raises(RuntimeError, "")


def _along(x: Tensor, axis: int) -> list[int]:
    """The shape of what has one element for each index of a dimension."""
    return [n if d == axis else 1 for d, n in enumerate(x.shape)]
