"""glu_backward: glu's gradient, as one kernel."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from plugrad.core import Context, Function, Sample, SampleMaker, op
from plugrad.ops._number import number


@op(
    "glu_backward",
    overrides=(torch.ops.aten.glu_backward.default, torch.ops.aten.glu_backward),
    aliases={"grad_output": "x", "self": "y"},
    equivalent={"other-dim[dim]": "the shapes of x and y allow but one dim"},
)
class GluBackward(Function):
    """z = the halves x s and x a s', with a and b the halves of y along dim.

    s and s' are the sigmoid of b and its slope s (1 - s). With ga and gb the halves of gz,
    gx = ga s + gb a s', and gy = the halves gb x s' and x s' (ga + gb a (1 - 2 s)).
    """

    @staticmethod
    def forward(ctx: Context, x: Tensor, y: Tensor, dim: int) -> Tensor:
        ctx.dim = number(dim)
        ctx.save_for_backward(x if ctx.needs_input_grad[1] else None, y)
        return _glu_backward(x, y, ctx.dim)

    @staticmethod
    def backward(ctx: Context, gz: Tensor) -> tuple[Tensor | None, Tensor | None, None]:
        x, y = ctx.saved_tensors
        ga, gb = gz.chunk(2, ctx.dim)
        a, b = y.chunk(2, ctx.dim)
        s = b.sigmoid()
        slope = s * (1 - s)
        gx = ga * s + gb * a * slope if ctx.needs_input_grad[0] else None
        if x is None:
            return gx, None, None
        sloping = x * slope
        gy = torch.cat([gb * sloping, sloping * (ga + gb * a * (1 - 2 * s))], ctx.dim)
        return gx, gy, None

    @staticmethod
    def samples(make: SampleMaker) -> Iterator[Sample]:
        yield Sample(make(3, 2), make(3, 4), -1)
        yield Sample(make(2, 3), make(4, 3), 0)
        yield Sample(make(2, 1, 3), make(2, 2, 3), -2)
        yield Sample(make(1), make(2), 0)
        yield Sample(make(0, 2), make(0, 4), 1)
        yield Sample(make(3, 2), make(3, 4), 1).constant(0)
        yield Sample(make(3, 2), make(3, 4), 1).constant(1)
        yield Sample(
            make.tensor([0.0, 1.0, 1.0]), make.tensor([1.0, 2.0, 0.0, -800.0, 800.0, 0.0]), 0
        )


_glu_backward = torch.ops.aten.glu_backward.default
