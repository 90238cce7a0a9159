"""batch_norm_with_update: native_batch_norm in training, in one call with its memory."""

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
    running_mean: Tensor,
    running_var: Tensor,
    momentum: float,
    eps: float,
) -> tuple[Tensor, ...]:
    made = _batch.reference(x, weight, bias, running_mean, running_var, True, momentum, eps)
    return *made, x.new_empty(0, dtype=torch.uint8)


@op(
    "batch_norm_with_update",
    overrides=(torch.ops.aten._batch_norm_with_update.default,),
    reference=_reference,
    dtypes=FLOATING,
    waives={
        "hidden-intermediate": COMPUTED_AGAIN,
        "to-library": "it changes its running statistics, as torch's does, and no schema says so",
    },
)
class BatchNormWithUpdate(Function):
    """y = (x - mean) rstd weight + bias;  also mean, rstd, and an empty tensor.

    native_batch_norm in training, which has the gradient.
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
    ) -> tuple[Tensor, ...]:
        _batch.refuse_statistics(ctx.needs_input_grad[3:5], True)
        statistics = running_mean, running_var
        made = _batch.forward(ctx, x, weight, bias, *statistics, True, momentum, eps)
        reserve = x.new_empty(0, dtype=torch.uint8)  # what cuDNN and MIOpen would keep
        ctx.mark_non_differentiable(*made[1:], reserve)
        return *made, reserve

    @staticmethod
    def backward(ctx: Context, gy: Tensor, *_: Tensor | None) -> tuple[Tensor | None, ...]:
        return _batch.backward(ctx, ctx.needs_input_grad[:3], gy)

    @staticmethod
    def samples(make: SampleMaker) -> Iterator[Sample]:
        moved = "it moves the running statistics"
        for shape in ((4, 3), (2, 3, 2), (2, 3, 2, 2)):
            statistics = make(3), make(3, low=0.5)
            sample = Sample(make(*shape), make(3), make(3), *statistics, 0.1, 1e-5)
            yield sample.constant(3, 4).waive("inputs-unchanged", moved)
        for constant in range(3):
            statistics = make(3), make(3, low=0.5)
            sample = Sample(make(4, 3), make(3), make(3), *statistics, 0.3, 1e-5)
            yield sample.constant(3, 4, constant).waive("inputs-unchanged", moved)
        statistics = make(3), make(3, low=0.5)
        sample = Sample(make(4, 3), None, None, *statistics, 0.1, 0.5)
        yield sample.constant(3, 4).waive("inputs-unchanged", moved)
        x, weight = make.tensor([[0.0, 1.0], [0.0, 3.0]]), make.tensor([0.0, 0.0])
        sample = Sample(x, weight, None, *make(2, 2, low=0.5), 0.1, 0.5)
        yield sample.constant(3, 4).waive("inputs-unchanged", moved)
