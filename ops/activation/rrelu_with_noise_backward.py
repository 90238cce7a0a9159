"""rrelu_with_noise_backward: rrelu's gradient, as one kernel."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from plugrad.core import Context, Function, Sample, SampleMaker, conj, op
from plugrad.ops._flat import flat_in


@op(
    "rrelu_with_noise_backward",
    overrides=(torch.ops.aten.rrelu_with_noise_backward.default,),
    aliases={"grad_output": "x", "self": "y"},
    broadcasts=True,
    linear=True,
    elementwise=True,
)
class RreluWithNoiseBackward(Function):
    """z = x noise in training, else x where y > 0 and x (lower + upper) / 2 elsewhere.

    gx = gz times the same, conjugated; gy = 0; gnoise = gz conj(x) in training, else 0.
    """

    @staticmethod
    def forward(
        ctx: Context,
        x: Tensor,
        y: Tensor,
        noise: Tensor,
        lower: float,
        upper: float,
        training: bool,
        self_is_result: bool,
    ) -> Tensor:
        ctx.numbers = (lower, upper)
        ctx.training = bool(training)
        ctx.save_for_backward(x if ctx.needs_input_grad[2] else None, y, noise)
        return _rrelu_with_noise_backward(x, y, noise, *ctx.numbers, training, self_is_result)

    @staticmethod
    def backward(ctx: Context, gz: Tensor) -> tuple[Tensor | None, ...]:
        x, y, noise = ctx.saved_tensors
        gx = None
        if ctx.needs_input_grad[0]:
            gx = _rrelu_with_noise_backward(gz, y, conj(noise), *ctx.numbers, ctx.training, False)
        return gx, flat_in(1, ctx, gz), gz * conj(x) if x is not None and ctx.training else None

    @staticmethod
    def samples(make: SampleMaker) -> Iterator[Sample]:
        for args in (
            (0.2, 0.8, True, False),
            (0.2, 0.8, True, True),
            (0.2, 0.8, False, False),
            (0.1, 0.7, False, True),
        ):
            yield Sample(make(3, 4), make(3, 4), make(3, 4), *args).constant("noise")
        zero = make.tensor([0.0, 1.0])
        yield Sample(zero, make(2), make(2), 0.2, 0.8, True, False).constant("noise")
        yield Sample(make(), make(), make(), 0.2, 0.8, True, False).constant("noise")
        yield Sample(make(0, 3), make(0, 3), make(0, 3), 0.2, 0.8, True, False).constant("noise")
        yield Sample(make(3), make(3), make(3), 0.2, 0.8, True, False).constant(1, "noise")
        for sample in (
            Sample(make(3), make(3), make(3), 0.2, 0.8, True, False),
            Sample(make(2), make(2), zero, 0.2, 0.8, True, False).constant(0),
            Sample(make(2, 3, 1), make(4), make(4), 0.2, 0.8, True, False).constant(1),
        ):
            yield sample.without_oracle("torch takes noise for a constant")


_rrelu_with_noise_backward = torch.ops.aten.rrelu_with_noise_backward.default
