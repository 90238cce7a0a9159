"""nn.functional.gelu: x times the probability that a normal number is below x."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from plugrad.core import Context, Function, Sample, SampleMaker, op


@op(
    "nn.functional.gelu",
    overrides=(torch.nn.functional.gelu, torch.ops.aten.gelu.default),
    elementwise=True,
)
class Gelu(Function):
    """y = x P(x), P being the normal distribution's;  gx = gy (P(x) + x P'(x)).

    With approximate="tanh" P(x) is (1 + tanh(sqrt(2/pi) (x + 0.044715 x^3))) / 2.
    Hendrycks and Gimpel, "Gaussian error linear units", 2016.
    The slope has 12 digits down to x = -3.
    """

    @staticmethod
    def forward(ctx: Context, x: Tensor, *, approximate: str = "none") -> Tensor:
        ctx.save_for_backward(x)
        ctx.approximate = approximate
        return torch.nn.functional.gelu(x, approximate=approximate)

    @staticmethod
    def backward(ctx: Context, gy: Tensor) -> Tensor:
        (x,) = ctx.saved_tensors
        return _gelu_backward(gy, x, approximate=ctx.approximate)

    @staticmethod
    def samples(make: SampleMaker) -> Iterator[Sample]:
        yield Sample(make(3, 4))
        yield Sample(make(3, 4), approximate="tanh")
        yield Sample(make(5), approximate="none")
        yield Sample(make())
        yield Sample(make(0, 3))
        yield Sample(make.tensor([-800.0, -10.0, 0.0, 10.0, 800.0]))
        yield Sample(make.tensor([-800.0, -10.0, 0.0, 10.0, 800.0]), approximate="tanh")
        yield Sample(make(3), approximate="erf").raises(RuntimeError, "approximate argument")


_gelu_backward = torch.ops.aten.gelu_backward.default
