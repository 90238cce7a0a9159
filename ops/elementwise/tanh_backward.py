"""tanh_backward: the hyperbolic tangent's gradient, as one kernel."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from plugrad.core import Context, Function, Sample, SampleMaker, conj, op


@op(
    "tanh_backward",
    overrides=(torch.ops.aten.tanh_backward.default, torch.ops.aten.tanh_backward),
    aliases={"grad_output": "x", "output": "y"},
    broadcasts=True,
    elementwise=True,
)
class TanhBackward(Function):
    """z = x conj(1 - y^2);  gx = gz (1 - y^2), gy = -2 gz conj(x) y."""

    @staticmethod
    def forward(ctx: Context, x: Tensor, y: Tensor) -> Tensor:
        ctx.save_for_backward(x if ctx.needs_input_grad[1] else None, y)
        return _tanh_backward(x, y)

    @staticmethod
    def backward(ctx: Context, gz: Tensor) -> tuple[Tensor | None, Tensor | None]:
        x, y = ctx.saved_tensors
        gx = _tanh_backward(gz, conj(y)) if ctx.needs_input_grad[0] else None
        # y is conjugated in z, and so its gradient is a conjugate.
        return gx, None if x is None else -2 * conj(gz) * x * conj(y)

    @staticmethod
    def samples(make: SampleMaker) -> Iterator[Sample]:
        yield Sample(make(3, 4), make(3, 4))
        yield Sample(make.complex(5), make.complex(5))
        yield Sample(make(), make())
        yield Sample(make(0, 3), make(0, 3))
        yield Sample(make(3), make.tensor([0.0, 1.0, -1.0]))
        yield Sample(make.tensor([0.0, 1.0]), make(2))
        yield Sample(make(2, 3, 1), make(4))
        yield Sample(make(3), make(3)).constant(0)
        yield Sample(make(3), make(3)).constant(1)


_tanh_backward = torch.ops.aten.tanh_backward.default
