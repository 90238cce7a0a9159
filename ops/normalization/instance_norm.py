"""nn.functional.instance_norm: each channel of each example with mean 0 and variance 1."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor

from plugrad.core import Composite, Sample, SampleMaker, op
from plugrad.errors import NotDifferentiableError
from plugrad.ops._number import constant, number
from plugrad.ops.normalization._batch import refuse_statistics


@op("nn.functional.instance_norm", overrides=(torch.nn.functional.instance_norm,))
class InstanceNorm(Composite):
    """y = (x - mean) / sqrt(var + eps) weight + bias, in each channel of each example.

    batch_norm of one example with as many channels. With use_input_stats running_mean and
    running_var move in place by momentum to what the examples' are on average; else they
    are the mean and var.
    """

    @staticmethod
    def forward(
        x: Tensor,
        running_mean: Tensor | None = None,
        running_var: Tensor | None = None,
        weight: Tensor | None = None,
        bias: Tensor | None = None,
        use_input_stats: bool = True,
        momentum: float = 0.1,
        eps: float = 1e-5,
    ) -> Tensor:
        if use_input_stats:
            _functional._verify_spatial_size(x.size())
        n, channels = x.shape[:2]
        repeated = [None if t is None else t.repeat(n) for t in (weight, bias)]
        given = running_mean, running_var
        running = [_constant(t) for t in given] if use_input_stats else given
        dtype = x.dtype if weight is None else weight.dtype  # torch casts the statistics to it
        statistics = [None if t is None else t.to(dtype).repeat(n) for t in running]
        seen = x.reshape(1, n * channels, *x.shape[2:])
        momentum = number(constant(momentum, "instance_norm", "momentum"))
        eps = number(constant(eps, "instance_norm", "eps"))
        y: Tensor = _batch_norm(seen, *repeated, *statistics, use_input_stats, momentum, eps, False)
        for old, new in zip(running, statistics, strict=True):
            if old is not None and new is not None and use_input_stats:
                old.copy_(new.view(n, channels).mean(0))
        return y.reshape(x.shape)

    @staticmethod
    def samples(make: SampleMaker) -> Iterator[Sample]:
        yield Sample(make(2, 3, 4))
        yield Sample(make(2, 3, 2, 2), None, None, make(3), make(3), eps=0.5)
        statistics = make(3), make(3, low=0.5)
        fixed = Sample(make(2, 3, 4), *statistics, weight=make(3), use_input_stats=False)
        yield fixed.constant(1, 2)
        tracked = Sample(make(2, 3, 4), *statistics, weight=make(3), use_input_stats=False)
        yield tracked.without_oracle("it has no gradient for running_mean and running_var")
        moved = Sample(make(2, 3, 4), *statistics, make(3), make(3), momentum=0.3).constant(1, 2)
        yield moved.waive("inputs-unchanged", "it moves the running statistics")
        yield Sample(make(2, 3, 1)).raises(ValueError, "more than 1 spatial element")
        tracked = Sample(make(2, 3, 4), *statistics)
        yield tracked.raises(NotDifferentiableError, "running_mean or running_var")


# Their type stubs know neither of a check nor of arguments in a list.
_functional: Any = torch.nn.functional
_batch_norm: Any = torch.batch_norm


def _constant(statistic: Tensor | None) -> Tensor | None:
    if getattr(statistic, "requires_grad", False):
        refuse_statistics((True,), True)
    return None if statistic is None else statistic.data
