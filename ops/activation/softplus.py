"""nn.functional.softplus: a smooth relu."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from plugrad.core import Context, Function, Sample, SampleMaker, op


@op(
    "nn.functional.softplus",
    overrides=(
        torch.nn.functional.softplus,
        torch.ops.aten.softplus.default,
    ),
    elementwise=True,
)
class Softplus(Function):
    """y = log(1 + exp(beta x)) / beta, or x where beta x > threshold.

    gx = gy / (1 + exp(-beta x)), or gy there. The second derivative has 12 digits up
    to beta x = 8; far out it is a difference, as in torch.
    """

    @staticmethod
    def forward(ctx: Context, x: Tensor, beta: float = 1, threshold: float = 20) -> Tensor:
        ctx.numbers = (beta, threshold)
        ctx.save_for_backward(x)
        return torch.nn.functional.softplus(x, beta, threshold)

    @staticmethod
    def backward(ctx: Context, gy: Tensor) -> Tensor:
        (x,) = ctx.saved_tensors
        return _softplus_backward(gy, x, *ctx.numbers)

    @staticmethod
    def samples(make: SampleMaker) -> Iterator[Sample]:
        yield Sample(make(3, 4))
        yield Sample(make(3, 4), 2)
        yield Sample(make(3, 4), 0.5, 0.3)
        yield Sample(make(3), beta=3.0, threshold=1)
        yield Sample(make())
        yield Sample(make(0, 3))
        yield Sample(make.tensor([-800.0, -40.0, 0.0, 19.0, 40.0, 800.0]))
        yield Sample(make.tensor([0.0, 1.0, 2.0]), 2, 2).at_kink()


_softplus_backward = torch.ops.aten.softplus_backward.default
