"""sigmoid_backward: the logistic function's gradient, as one kernel."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from plugrad.core import Context, Function, Sample, SampleMaker, conj, op


@op(
    "sigmoid_backward",
    overrides=(
        torch.ops.aten.sigmoid_backward.default,
        torch.ops.aten.sigmoid_backward,
    ),
    aliases={"grad_output": "x", "output": "y"},
    broadcasts=True,
    elementwise=True,
)
class SigmoidBackward(Function):
    """z = x conj(y (1 - y));  gx = gz y (1 - y), gy = gz conj(x) (1 - 2 y)."""

    @staticmethod
    def forward(ctx: Context, x: Tensor, y: Tensor) -> Tensor:
        ctx.save_for_backward(x, y)
        return _sigmoid_backward(x, y)

    @staticmethod
    def backward(ctx: Context, gz: Tensor) -> tuple[Tensor, Tensor]:
        x, y = ctx.saved_tensors
        # y is conjugated in z, and so its gradient is a conjugate.
        return _sigmoid_backward(gz, conj(y)), conj(gz) * x * conj(1 - 2 * y)

    @staticmethod
    def samples(make: SampleMaker) -> Iterator[Sample]:
        yield Sample(make(3, 4), make(3, 4))
        yield Sample(make.complex(5), make.complex(5))
        yield Sample(make(), make())
        yield Sample(make(0, 3), make(0, 3))
        yield Sample(make(3), make.tensor([0.0, 0.5, 1.0]))
        yield Sample(make.tensor([0.0, 1.0]), make(2))
        yield Sample(make(2, 3, 1), make(4))
        yield Sample(make(3), make(3)).constant(0)
        yield Sample(make(3), make(3)).constant(1)


_sigmoid_backward = torch.ops.aten.sigmoid_backward.default
