"""silu_backward: silu's gradient, as one kernel."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from plugrad.core import Context, Function, Sample, SampleMaker, conj, op


@op(
    "silu_backward",
    overrides=(torch.ops.aten.silu_backward.default, torch.ops.aten.silu_backward),
    aliases={"grad_output": "x", "self": "y"},
    broadcasts=True,
    elementwise=True,
)
class SiluBackward(Function):
    """z = x s (1 + y (1 - s)), with s = 1 / (1 + exp(-y)).

    gx = gz conj(s (1 + y (1 - s))), gy = gz conj(x s (1 - s) (2 + y (1 - 2 s))).
    """

    @staticmethod
    def forward(ctx: Context, x: Tensor, y: Tensor) -> Tensor:
        ctx.save_for_backward(x if ctx.needs_input_grad[1] else None, y)
        return _silu_backward(x, y)

    @staticmethod
    def backward(ctx: Context, gz: Tensor) -> tuple[Tensor | None, Tensor | None]:
        x, y = ctx.saved_tensors
        gx = _silu_backward(gz, conj(y)) if ctx.needs_input_grad[0] else None
        gy = None
        if ctx.needs_input_grad[1]:
            y = conj(y)
            s = y.sigmoid()
            gy = _sigmoid_backward(gz * conj(x), conj(s)) * (2 + y * (1 - 2 * s))
        return gx, gy

    @staticmethod
    def samples(make: SampleMaker) -> Iterator[Sample]:
        yield Sample(make(3, 4), make(3, 4))
        yield Sample(make.complex(5), make.complex(5))
        yield Sample(make(), make())
        yield Sample(make(0, 3), make(0, 3))
        yield Sample(make(2, 3, 1), make(4))
        yield Sample(make(4), make(3, 1))
        yield Sample(make(3), make(3)).constant(0)
        yield Sample(make(3), make(3)).constant(1)
        yield Sample(make.tensor([1.0, 1.0, 1.0, 0.0]), make.tensor([-800.0, 0.0, 800.0, 1.0]))


_silu_backward = torch.ops.aten.silu_backward.default
_sigmoid_backward = torch.ops.aten.sigmoid_backward.default
