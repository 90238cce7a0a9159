"""fake_quantize_learnable_per_tensor_affine: rounded to steps of a size that is learned."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from plugrad.core import Context, Function, Sample, SampleMaker, op
from plugrad.ops.quantization import _learnable

_KERNEL = torch.ops.aten._fake_quantize_learnable_per_tensor_affine.default
_WITH_MASK = torch.ops.aten._fake_quantize_per_tensor_affine_cachemask_tensor_qparams.default


def _reference(
    x: Tensor,
    scale: Tensor,
    zero_point: Tensor,
    quant_min: int,
    quant_max: int,
    grad_factor: float = 1.0,
) -> Tensor:
    bounds, shape = (quant_min, quant_max), [1] * x.dim()
    return _learnable.reference(x, scale, zero_point, bounds, grad_factor, shape)


@op(
    "fake_quantize_learnable_per_tensor_affine",
    overrides=(torch._fake_quantize_learnable_per_tensor_affine, _KERNEL),
    surrogate=_learnable.REASON,
    surrogate_reference=_reference,
    equivalent=_learnable.NO_STEP,
)
class FakeQuantizeLearnablePerTensorAffine(Function):
    """y = (clamp(q, quant_min, quant_max) - z) s, q = round(x / s) + z, z = round(zero_point).

    Where q is in range: gx = gy, gs += gy (y - x) / s; elsewhere gs += gy y / s,
    gzero_point -= gy s. Both are times grad_factor. Esser et al. 2020, "Learned step size
    quantization". torch's kernel rounds a negative zero_point, in the gradient alone, to the
    wrong number; here it is the same in both.
    """

    @staticmethod
    def forward(
        ctx: Context,
        x: Tensor,
        scale: Tensor,
        zero_point: Tensor,
        quant_min: int,
        quant_max: int,
        grad_factor: float = 1.0,
    ) -> Tensor:
        ctx.save_for_backward(x, scale, zero_point)
        ctx.bounds, ctx.grad_factor = (quant_min, quant_max), grad_factor
        return _KERNEL(x, scale, zero_point, quant_min, quant_max)

    @staticmethod
    def backward(ctx: Context, gy: Tensor) -> tuple[Tensor | None, ...]:
        def with_mask(*parts: Tensor) -> tuple[Tensor, Tensor]:
            on = torch.ones(1, dtype=torch.int64, device=gy.device)
            return _WITH_MASK(*parts, on, *ctx.bounds)

        return _learnable.gradients(ctx, gy, with_mask, [1] * gy.dim())

    @staticmethod
    def samples(make: SampleMaker) -> Iterator[Sample]:
        scale, zero = make.tensor([0.25]), make.tensor([1.2])
        yield Sample(make(3, 4), scale, zero, -4, 5)
        yield Sample(make(3, 4), scale, -zero, quant_min=-4, quant_max=5, grad_factor=0.25)
        yield Sample(make.tensor([-9.0, 0.0, 0.3, 9.0]), scale, zero, 0, 7, 2.0)
        yield Sample(make(2, 3), scale, make.tensor([99.0]), 0, 7)
        yield Sample(make(), scale, make.tensor([1], torch.int32), -4, 5)
        yield Sample(make.tensor([-9.0, 0.3, 7.0]), scale, make.tensor([0.0]), -4, 5)
        for constant in (0, 1, 2):
            yield Sample(make(2, 3), scale, zero, -4, 5).constant(constant)
        yield Sample(make(0, 3), scale, zero, -4, 5)
        yield Sample(make(2), scale, zero, 8, 7).raises(RuntimeError, "quant_min")
