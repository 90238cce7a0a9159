"""nn.functional.batch_norm: each channel with mean 0 and variance 1."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor

from plugrad.core import Context, Function, Sample, SampleMaker, op
from plugrad.core.installed_torch import torch_before
from plugrad.errors import ArgumentError, NotDifferentiableError
from plugrad.ops.normalization import _batch
from plugrad.ops.normalization._normalized import COMPUTED_AGAIN, FLOATING


@op(
    "nn.functional.batch_norm",
    overrides=(torch.nn.functional.batch_norm,),
    dtypes=FLOATING,
    waives={"hidden-intermediate": COMPUTED_AGAIN},
)
class BatchNorm(Function):
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
        running_mean: Tensor | None,
        running_var: Tensor | None,
        weight: Tensor | None = None,
        bias: Tensor | None = None,
        training: bool = False,
        momentum: float = 0.1,
        eps: float = 1e-5,
    ) -> Tensor:
        _batch.refuse_statistics(ctx.needs_input_grad[1:3], training)
        if training:
            _functional._verify_batch_size(x.size())
        if eps <= 0:
            running = (None, None) if training else (running_mean, running_var)
            _functional.batch_norm(x, *running, training=bool(training), eps=eps)  # may refuse it
        five = weight, bias, running_mean, running_var, training
        return _batch.forward(ctx, x, *five, momentum, eps)[0]

    @staticmethod
    def backward(ctx: Context, gy: Tensor) -> tuple[Tensor | None, ...]:
        needs = ctx.needs_input_grad
        five = (needs[0], *needs[3:5], *needs[1:3])
        gx, gweight, gbias, gmean, gvar = _batch.backward(ctx, five, gy)
        return gx, gmean, gvar, gweight, gbias

    @staticmethod
    def samples(make: SampleMaker) -> Iterator[Sample]:
        none = (None, None)
        yield Sample(make(4, 3), *none, make(3), make(3), True)
        for constant in (0, "weight", "bias"):
            sample = Sample(make(4, 3), *none, weight=make(3), bias=make(3), training=True)
            yield sample.constant(constant)
        yield Sample(make(2, 3, 2), *none, training=True, eps=0.5)
        yield Sample(make(1, 3, 2, 2), *none, make(3), training=True)
        statistics = make(3), make(3, low=0.5)
        for shape in ((4, 3), (2, 3, 2), (1, 3)):
            yield Sample(make(*shape), *statistics, make(3), make(3)).constant(1, 2)
        moved = Sample(make(4, 3), *statistics, make(3), make(3), True, momentum=0.3)
        yield moved.constant(1, 2).waive("inputs-unchanged", "it moves the running statistics")
        x, weight = make.tensor([[0.0, 1.0], [0.0, 3.0]]), make.tensor([0.0, 0.0])
        yield Sample(x, *none, weight, None, True, eps=0.5)
        yield Sample(make(0, 3), *statistics, make(3), make(3)).constant(1, 2)
        tracked = Sample(make(4, 3), make(3), make(3, low=0.5), make(3), make(3))
        zero = Sample(make(4, 3), *make.tensor(_batch.AT_ZERO).unbind(), eps=0.5)
        for sample in (tracked, zero):
            yield sample.without_oracle("it has no gradient for running_mean and running_var")
        changed = Sample(make(4, 3), make(3), make(3), training=True)
        yield changed.raises(NotDifferentiableError, "running_mean or running_var")
        yield Sample(make(4, 3), *none).raises(ArgumentError, "no running_mean")
        yield Sample(make(1, 3), *none, training=True).raises(ValueError, "more than 1 value")
        yield Sample(make(4), *none, training=True).raises(ArgumentError, "at least 2 dim")
        short = Sample(make(4, 3), *none, make(2), training=True)
        yield short.raises(ArgumentError, "weight should contain 3 elements not 2")
        if torch_before("2.13"):
            yield Sample(make(4, 3), *none, training=True, eps=0.0)
        else:
            for training in (True, False):
                negative = Sample(make(4, 3), *statistics, training=training, eps=-1.0)
                yield negative.constant(1, 2).raises(ValueError, "eps must be")


_functional: Any = torch.nn.functional  # whose type stub does not know of the check
