"""batch_norm_forward: torch.batch_norm, batch_norm with its arguments in another order."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from plugrad.core import Context, Function, Sample, SampleMaker, op
from plugrad.ops.normalization import _batch
from plugrad.ops.normalization._normalized import COMPUTED_AGAIN


@op(
    "batch_norm_forward",
    overrides=(torch.batch_norm, torch.ops.aten.batch_norm.default),
    waives={"hidden-intermediate": COMPUTED_AGAIN},
)
class BatchNormForward(Function):
    """y = (x - mean) / sqrt(var + eps) weight + bias, in each channel, dimension 1.

    In training mean and var are those of x, over all other dimensions, and running_mean and
    running_var move towards them by momentum, in place; else they are the running ones. The
    gradient is native_batch_norm_backward's; where the running ones are used, those of weight and
    bias give theirs (in torch they have none).
    """

    @staticmethod
    def forward(
        ctx: Context,
        x: Tensor,
        weight: Tensor | None,
        bias: Tensor | None,
        running_mean: Tensor | None,
        running_var: Tensor | None,
        training: bool,
        momentum: float,
        eps: float,
        cudnn_enabled: bool,
    ) -> Tensor:
        statistics = running_mean, running_var
        _batch.refuse_statistics(ctx.needs_input_grad[3:5], training)
        return _batch.forward(ctx, x, weight, bias, *statistics, training, momentum, eps)[0]

    @staticmethod
    def backward(ctx: Context, gy: Tensor) -> tuple[Tensor | None, ...]:
        return _batch.backward(ctx, ctx.needs_input_grad[:5], gy)

    @staticmethod
    def samples(make: SampleMaker) -> Iterator[Sample]:
        none = (None, None)
        for constant in range(4):
            sample = Sample(make(4, 3), make(3), make(3), *none, True, 0.1, 1e-5, False)
            yield sample.constant(constant) if constant < 3 else sample
        yield Sample(make(2, 3, 2), *none, *none, True, 0.1, 0.5, True)
        statistics = make(3), make(3, low=0.5)
        for shape in ((4, 3), (2, 3, 2), (1, 3)):
            sample = Sample(make(*shape), make(3), make(3), *statistics, False, 0.1, 1e-5, True)
            yield sample.constant(3, 4)
            tracked = Sample(make(*shape), make(3), None, *statistics, False, 0.1, 1e-5, True)
            yield tracked.without_oracle("it has no gradient for running_mean and running_var")
        zero = make.tensor(_batch.AT_ZERO).unbind()
        tracked = Sample(make(4, 3), None, None, *zero, False, 0.1, 0.5, True)
        yield tracked.without_oracle("it has no gradient for running_mean and running_var")
        sample = Sample(make(4, 3), make(3), make(3), *statistics, True, 0.3, 1e-5, True)
        yield sample.constant(3, 4).waive("inputs-unchanged", "it moves the running statistics")
        x, weight = make.tensor([[0.0, 1.0], [0.0, 3.0]]), make.tensor([0.0, 0.0])
        yield Sample(x, weight, None, *none, True, 0.1, 0.5, True)
