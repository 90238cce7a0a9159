"""reflection_pad2d_backward: reflection_pad2d's gradient, as one kernel."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor

from plugrad.core import Context, Function, Sample, SampleMaker, op
from plugrad.ops._flat import flat_in
from plugrad.ops._outer import check_outer
from plugrad.ops.padding._sizes import sizes


@op(
    "reflection_pad2d_backward",
    overrides=(torch.ops.aten.reflection_pad2d_backward.default,),
    aliases={"grad_output": "x", "self": "y"},
    linear=True,
)
class ReflectionPad2dBackward(Function):
    """z = for each element of y the sum of x where reflection_pad2d would put it.

    gx = reflection_pad2d(gz). Only y's shape matters: gy = 0.
    """

    @staticmethod
    def forward(ctx: Context, x: Tensor, y: Tensor, padding: Sequence[int]) -> Tensor:
        check_outer("reflection_pad2d_backward", x, y, 2)
        ctx.padding = sizes(padding)
        return _reflection_pad2d_backward(x, y, ctx.padding)

    @staticmethod
    def backward(ctx: Context, gz: Tensor) -> tuple[Tensor | None, Tensor | None]:
        gx = _reflection_pad2d(gz, ctx.padding) if ctx.needs_input_grad[0] else None
        return gx, flat_in(1, ctx, gz)

    @staticmethod
    def samples(make: SampleMaker) -> Iterator[Sample]:
        yield Sample(make(2, 1, 5, 7), make(2, 1, 3, 4), [2, 1, 0, 2])
        yield Sample(make(2, 5, 7), make(2, 3, 4), padding=(0, 3, 1, 1))
        yield Sample(make(1, 5, 5), make(1, 4, 4), [3, -2, -1, 2])
        yield Sample(make.complex(1, 4, 3), make.complex(1, 2, 2), [1, 0, 1, 1])
        yield Sample(make(0, 1, 5, 7), make(0, 1, 3, 4), [2, 1, 0, 2])
        yield Sample(make.tensor([[[0.0, 1.0, 2.0]]]), make(1, 1, 2), [1, 0, 0, 0])
        yield Sample(make(1, 2, 4), make(1, 2, 3), [1, 0, 0, 0]).constant(0)
        yield Sample(make(1, 2, 4), make(1, 2, 3), [1, 0, 0, 0]).constant(1)


_reflection_pad2d = torch.ops.aten.reflection_pad2d.default
_reflection_pad2d_backward = torch.ops.aten.reflection_pad2d_backward.default
