"""native_batch_norm_legit_no_stats: native_batch_norm without running statistics."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from plugrad.core import Context, Function, Sample, SampleMaker, op
from plugrad.ops.normalization import _batch
from plugrad.ops.normalization._normalized import COMPUTED_AGAIN, FLOATING


def _reference(
    x: Tensor,
    weight: Tensor | None,
    bias: Tensor | None,
    training: bool,
    momentum: float,
    eps: float,
) -> tuple[Tensor, Tensor, Tensor]:
    return _batch.reference(x, weight, bias, None, None, training, momentum, eps)


@op(
    "native_batch_norm_legit_no_stats",
    overrides=(torch.ops.aten._native_batch_norm_legit.no_stats,),
    reference=_reference,
    dtypes=FLOATING,
    waives={"hidden-intermediate": COMPUTED_AGAIN},
)
class NativeBatchNormLegitNoStats(Function):
    """y = (x - mean) rstd weight + bias, with rstd = 1 / sqrt(var + eps);  also mean and rstd.

    native_batch_norm in training, of which there is nothing to remember; it has the gradient.
    """

    @staticmethod
    def forward(
        ctx: Context,
        x: Tensor,
        weight: Tensor | None,
        bias: Tensor | None,
        training: bool,
        momentum: float,
        eps: float,
    ) -> tuple[Tensor, Tensor, Tensor]:
        return _batch.forward(ctx, x, weight, bias, None, None, training, momentum, eps)

    @staticmethod
    def backward(ctx: Context, gy: Tensor, *_: Tensor | None) -> tuple[Tensor | None, ...]:
        return _batch.backward(ctx, ctx.needs_input_grad[:3], gy)

    @staticmethod
    def samples(make: SampleMaker) -> Iterator[Sample]:
        yield Sample(make(4, 3), make(3), make(3), True, 0.1, 1e-5)
        yield Sample(make(2, 3, 2), None, None, True, 0.1, 0.5)
        yield Sample(make(2, 3, 2, 2), make(3), None, True, 0.1, 1e-5)
        yield Sample(make(4, 3), make(3), make(3), True, 0.1, 1e-5).constant(0)
        yield Sample(make(4, 3), make(3), make(3), True, 0.1, 1e-5).constant(1)
        yield Sample(make(4, 3), make(3), make(3), True, 0.1, 1e-5).constant(2)
        x, weight = make.tensor([[0.0, 1.0], [0.0, 3.0]]), make.tensor([0.0, 0.0])
        yield Sample(x, weight, None, True, 0.1, 0.5)
