"""nn.functional.celu: elu with a slope that does not jump at zero."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from plugrad.core import Context, Function, Sample, SampleMaker, op


@op(
    "nn.functional.celu",
    overrides=(torch.celu, torch.nn.functional.celu, torch.ops.aten.celu.default),
    elementwise=True,
    inplace=("celu_",),
)
class Celu(Function):
    """y = x where x > 0, else alpha (exp(x / alpha) - 1);  gx = gy, gy exp(x / alpha)."""

    @staticmethod
    def forward(ctx: Context, x: Tensor, alpha: float = 1.0) -> Tensor:
        ctx.alpha = alpha
        ctx.save_for_backward(x)
        return torch.celu(x, ctx.alpha)

    @staticmethod
    def backward(ctx: Context, gy: Tensor) -> Tensor:
        (x,) = ctx.saved_tensors
        return _elu_backward(gy, ctx.alpha, 1, 1 / ctx.alpha, False, x)

    @staticmethod
    def samples(make: SampleMaker) -> Iterator[Sample]:
        yield Sample(make(3, 4))
        yield Sample(make(3, 4), 2)
        yield Sample(make(3, 4), alpha=0.5)
        yield Sample(make(3, 4), 0.4).without_oracle("torch takes 1 / alpha in float32")
        yield Sample(make())
        yield Sample(make(0, 3))
        yield Sample(make.tensor([-800.0, -0.0, 0.0, 800.0]), 2)
        yield Sample(make(3), 0).raises(RuntimeError, "alpha cannot be 0 for CELU")


_elu_backward = torch.ops.aten.elu_backward.default
