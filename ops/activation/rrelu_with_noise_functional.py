"""rrelu_with_noise_functional: rrelu, with its slopes as a second output."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from plugrad.core import Context, Function, Sample, SampleMaker, op

_kernel = torch.ops.aten.rrelu_with_noise_functional.default  # torch 2.6 does not have it


@op(
    "rrelu_with_noise_functional",
    overrides=(_kernel,),
    random=True,
    equivalent={"option-ignored[generator]": "backward draws no numbers"},
)
class RreluWithNoiseFunctional(Function):
    """y = x where x > 0, else x r;  gx = gy there, else gy r. The second output is r.

    In training it is 1 where x > 0, else drawn from [lower, upper). In other calls r is their
    mean, and the second output a copy of noise. Neither noise has a gradient.
    """

    @staticmethod
    def forward(
        ctx: Context,
        x: Tensor,
        noise: Tensor,
        lower: float = 1 / 8,
        upper: float = 1 / 3,
        training: bool = False,
        generator: torch.Generator | None = None,
    ) -> tuple[Tensor, Tensor]:
        ctx.numbers = (lower, upper)
        ctx.training = bool(training)
        y, noise = _kernel(x, noise, *ctx.numbers, ctx.training, generator)
        ctx.save_for_backward(x, noise)
        ctx.mark_non_differentiable(noise)
        return y, noise

    @staticmethod
    def backward(ctx: Context, gy: Tensor, _: Tensor | None) -> Tensor:
        x, noise = ctx.saved_tensors
        return _rrelu_with_noise_backward(gy, x, noise, *ctx.numbers, ctx.training, False)

    @staticmethod
    def samples(make: SampleMaker) -> Iterator[Sample]:
        for args in ((), (0.2, 0.8)):
            yield Sample(make(3, 4), make(3, 4), *args).constant(1)
        yield Sample(make.tensor([-1.0, 0.0, 2.0]), make(3)).constant(1).at_kink()
        yield Sample(make(0, 3), make(0, 3), 0.2, 0.3, True).constant(1)
        for sample in (
            Sample(make(3, 4), make(3, 4), 0.1, 0.9, True),
            Sample(make(3), make(3), training=True),
            Sample(make(), make(), 0.2, 0.3, True),
        ):
            yield sample.constant(1).without_oracle("torch takes the noise it was given")


_rrelu_with_noise_backward = torch.ops.aten.rrelu_with_noise_backward.default
