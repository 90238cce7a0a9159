"""gelu_backward: gelu's gradient, as one kernel."""

from __future__ import annotations

import math
from collections.abc import Iterator

import torch
from torch import Tensor

from plugrad.core import Context, Function, Sample, SampleMaker, op


@op(
    "gelu_backward",
    overrides=(torch.ops.aten.gelu_backward.default, torch.ops.aten.gelu_backward),
    aliases={"grad_output": "x", "self": "y"},
    broadcasts=True,
    elementwise=True,
)
class GeluBackward(Function):
    """z = x (y P(y))', P being gelu's;  gx = gz (y P(y))', gy = gz x (y P(y))''.

    Without an approximation (y P(y))'' = (2 - y^2) exp(-y^2 / 2) / sqrt(2 pi).
    """

    @staticmethod
    def forward(ctx: Context, x: Tensor, y: Tensor, *, approximate: str = "none") -> Tensor:
        ctx.save_for_backward(x if ctx.needs_input_grad[1] else None, y)
        ctx.approximate = approximate
        return _gelu_backward(x, y, approximate=approximate)

    @staticmethod
    def backward(ctx: Context, gz: Tensor) -> tuple[Tensor | None, Tensor | None]:
        x, y = ctx.saved_tensors
        gx = gy = None
        if ctx.needs_input_grad[0]:
            gx = _gelu_backward(gz, y, approximate=ctx.approximate)
        if x is not None:
            gy = gz * x * (_of_tanh(y) if ctx.approximate == "tanh" else _exact(y))
        return gx, gy

    @staticmethod
    def samples(make: SampleMaker) -> Iterator[Sample]:
        yield Sample(make(3, 4), make(3, 4))
        yield Sample(make(3, 4), make(3, 4), approximate="tanh")
        yield Sample(make(5), make(5), approximate="none")
        yield Sample(make(), make())
        yield Sample(make(0, 3), make(0, 3))
        yield Sample(make(3, 1), make(1, 4))
        yield Sample(make(4), make(3, 1), approximate="tanh")
        yield Sample(make(3), make(3)).constant(0)
        yield Sample(make(3), make(3), approximate="tanh").constant(1)
        large = make.tensor([-800.0, -10.0, 0.0, 1.0, 10.0, 800.0])
        yield Sample(make.tensor([1.0, 0.0, 2.0, -1.0, 1.0, 1.0]), large)
        yield Sample(make(6), large, approximate="tanh")


_gelu_backward = torch.ops.aten.gelu_backward.default


# Beyond the bounds both are 0, or below 1e-33, and squares would leave float16.
def _exact(y: Tensor) -> Tensor:
    square = y.clamp(-40, 40).square()
    return (2 - square) * (-square / 2).exp() / math.sqrt(2 * math.pi)


def _of_tanh(y: Tensor) -> Tensor:
    """The second derivative of y s, s being the sigmoid of v = k (y + c y^3)."""
    y = y.clamp(-10, 10)
    k, cy2 = 2 * math.sqrt(2 / math.pi), 0.044715 * y.square()
    v, slope = k * y * (1 + cy2), k * (1 + 3 * cy2)
    s, rest = v.sigmoid(), (-v).sigmoid()  # rest is 1 - s, and exact where that is small
    return s * rest * (2 * slope + 6 * k * cy2 + y * (rest - s) * slope.square())
