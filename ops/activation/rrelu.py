"""nn.functional.rrelu: relu with slopes below zero that are drawn at random."""

from __future__ import annotations

from collections.abc import Iterator
from math import inf, nan

import torch
from torch import Tensor

from plugrad.core import Context, Function, Sample, SampleMaker, op
from plugrad.core.installed_torch import torch_before


@op(
    "nn.functional.rrelu",
    overrides=(torch.rrelu, torch.nn.functional.rrelu, torch.ops.aten.rrelu.default),
    elementwise=True,
    random=True,
    equivalent={"option-ignored[generator]": "backward draws no numbers"},
    inplace=("rrelu_",),
)
class Rrelu(Function):
    """y = x where x > 0, else x r;  gx = gy there, else gy r.

    In training r is drawn evenly from [lower, upper) for each element, else it is their mean.
    """

    @staticmethod
    def forward(
        ctx: Context,
        x: Tensor,
        lower: float = 1 / 8,
        upper: float = 1 / 3,
        training: bool = False,
        generator: torch.Generator | None = None,
    ) -> Tensor:
        if not -inf < lower <= upper < inf:  # the kernel, which is called below, does not look
            torch.rrelu(x, lower, upper)  # says what is wrong
        ctx.numbers = (lower, upper)
        ctx.training = bool(training)
        noise = torch.empty_like(x, memory_format=torch.contiguous_format)
        y = _rrelu_with_noise(x, noise, *ctx.numbers, ctx.training, generator)
        ctx.save_for_backward(x, noise if ctx.training else None)
        if ctx.training:
            ctx.mark_non_differentiable(noise)
        return y

    @staticmethod
    def backward(ctx: Context, gy: Tensor) -> Tensor:
        x, noise = ctx.saved_tensors
        noise = x if noise is None else noise  # only in training is it looked at
        return _rrelu_with_noise_backward(gy, x, noise, *ctx.numbers, ctx.training, False)

    @staticmethod
    def samples(make: SampleMaker) -> Iterator[Sample]:
        yield Sample(make(3, 4))
        yield Sample(make(3, 4), 0.2, 0.8)
        yield Sample(make(3, 4), training=True)
        yield Sample(make(3, 4), 0.1, 0.9, True)
        yield Sample(make(3, 4), lower=0.3, upper=0.3, training=True)
        yield Sample(make(), 0.2, 0.3, True)
        yield Sample(make(0, 3), 0.2, 0.3, True)
        yield Sample(make.tensor([-1.0, -0.0, 0.0, 2.0])).at_kink()
        yield Sample(make(3), 0.5, 0.2).raises(RuntimeError, "Lower bound should be less")
        if not torch_before("2.13"):
            yield Sample(make(3), nan, 0.2).raises(RuntimeError, "lower bound must be finite")
            yield Sample(make(3), 0.2, inf, True).raises(RuntimeError, "upper bound must be finite")


_rrelu_with_noise = torch.ops.aten.rrelu_with_noise.default
_rrelu_with_noise_backward = torch.ops.aten.rrelu_with_noise_backward.default
