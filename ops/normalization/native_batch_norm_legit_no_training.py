"""native_batch_norm_legit_no_training: native_batch_norm by the running statistics."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from plugrad.core import Context, Function, Sample, SampleMaker, op
from plugrad.ops.normalization import _batch
from plugrad.ops.normalization._normalized import FLOATING


def _reference(
    x: Tensor,
    weight: Tensor | None,
    bias: Tensor | None,
    running_mean: Tensor,
    running_var: Tensor,
    momentum: float,
    eps: float,
) -> tuple[Tensor, Tensor, Tensor]:
    return _batch.reference(x, weight, bias, running_mean, running_var, False, momentum, eps)


@op(
    "native_batch_norm_legit_no_training",
    overrides=(torch.ops.aten._native_batch_norm_legit_no_training.default,),
    reference=_reference,
    dtypes=FLOATING,
)
class NativeBatchNormLegitNoTraining(Function):
    """y = (x - running_mean) weight / sqrt(running_var + eps) + bias;  two empty tensors.

    native_batch_norm not in training; it has the gradient.
    """

    @staticmethod
    def forward(
        ctx: Context,
        x: Tensor,
        weight: Tensor | None,
        bias: Tensor | None,
        running_mean: Tensor,
        running_var: Tensor,
        momentum: float,
        eps: float,
    ) -> tuple[Tensor, Tensor, Tensor]:
        statistics = running_mean, running_var
        return _batch.forward(ctx, x, weight, bias, *statistics, False, momentum, eps)

    @staticmethod
    def backward(ctx: Context, gy: Tensor, *_: Tensor | None) -> tuple[Tensor | None, ...]:
        return _batch.backward(ctx, ctx.needs_input_grad[:5], gy)

    @staticmethod
    def samples(make: SampleMaker) -> Iterator[Sample]:
        statistics = make(3), make(3, low=0.5)
        for shape in ((4, 3), (2, 3, 2), (1, 3)):
            sample = Sample(make(*shape), make(3), make(3), *statistics, 0.1, 1e-5)
            yield sample.constant(3, 4)
            yield Sample(make(*shape), make(3), make(3), *statistics, 0.1, 1e-5)
        for constant in range(3):
            sample = Sample(make(4, 3), make(3), make(3), *statistics, 0.1, 1e-5)
            yield sample.constant(3, 4, constant)
        yield Sample(make(4, 3), None, None, *statistics, 0.1, 0.5).constant(3, 4)
        for constant in (0, 3, 4):
            zero = make.tensor(_batch.AT_ZERO).unbind()
            yield Sample(make(4, 3), None, None, *zero, 0.1, 0.5).constant(constant)
        x, weight = make.tensor([[0.0, 1.0], [0.0, 3.0]]), make.tensor([0.0, 0.0])
        yield Sample(x, weight, None, *make(2, 2, low=0.5), 0.1, 0.5).constant(3, 4)
