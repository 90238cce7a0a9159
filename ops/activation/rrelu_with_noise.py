"""rrelu_with_noise: rrelu, whose slopes are written into an argument."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from plugrad.core import Context, Function, Sample, SampleMaker, op


@op(
    "rrelu_with_noise",
    overrides=(torch.ops.aten.rrelu_with_noise.default,),
    random=True,
    equivalent={"option-ignored[generator]": "backward draws no numbers"},
    waives={"inputs-unchanged": "in training torch has the slopes written into noise"},
)
class RreluWithNoise(Function):
    """y = x where x > 0, else x r;  gx = gy there, else gy r.

    In training noise becomes 1 where x > 0, else r, which is drawn from [lower, upper). In other
    calls r is their mean. noise has no gradient.
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
    ) -> Tensor:
        ctx.numbers = (lower, upper)
        ctx.training = bool(training)
        y = _rrelu_with_noise(x, noise, *ctx.numbers, ctx.training, generator)
        ctx.save_for_backward(x, noise)
        return y

    @staticmethod
    def backward(ctx: Context, gy: Tensor) -> Tensor:
        x, noise = ctx.saved_tensors
        return _rrelu_with_noise_backward(gy, x, noise, *ctx.numbers, ctx.training, False)

    @staticmethod
    def samples(make: SampleMaker) -> Iterator[Sample]:
        for args in ((), (0.2, 0.8), (0.1, 0.9, True), (0.3, 0.3, True)):
            yield Sample(make(3, 4), make(3, 4), *args).constant(1)
        yield Sample(make(3), make(3), training=True).constant(1)
        yield Sample(make.tensor([-1.0, 0.0, 2.0]), make(3)).constant(1).at_kink()
        yield Sample(make(), make(), 0.2, 0.3, True).constant(1)
        yield Sample(make(0, 3), make(0, 3), 0.2, 0.3, True).constant(1)


_rrelu_with_noise = torch.ops.aten.rrelu_with_noise.default
_rrelu_with_noise_backward = torch.ops.aten.rrelu_with_noise_backward.default
