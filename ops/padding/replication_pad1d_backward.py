"""replication_pad1d_backward: replication_pad1d's gradient, as one kernel."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor

from plugrad.core import Context, Function, Sample, SampleMaker, op
from plugrad.ops._flat import flat_in
from plugrad.ops._outer import check_outer
from plugrad.ops.padding._sizes import sizes


@op(
    "replication_pad1d_backward",
    overrides=(torch.ops.aten.replication_pad1d_backward.default,),
    aliases={"grad_output": "x", "self": "y"},
    linear=True,
)
class ReplicationPad1dBackward(Function):
    """z = for each element of y the sum of x where replication_pad1d would put it.

    gx = replication_pad1d(gz). Only y's shape matters: gy = 0.
    """

    @staticmethod
    def forward(ctx: Context, x: Tensor, y: Tensor, padding: Sequence[int]) -> Tensor:
        check_outer("replication_pad1d_backward", x, y, 1)
        ctx.padding = sizes(padding)
        return _replication_pad1d_backward(x, y, ctx.padding)

    @staticmethod
    def backward(ctx: Context, gz: Tensor) -> tuple[Tensor | None, Tensor | None]:
        gx = _replication_pad1d(gz, ctx.padding) if ctx.needs_input_grad[0] else None
        return gx, flat_in(1, ctx, gz)

    @staticmethod
    def samples(make: SampleMaker) -> Iterator[Sample]:
        yield Sample(make(2, 3, 8), make(2, 3, 5), [2, 1])
        yield Sample(make(3, 9), make(3, 5), padding=(0, 4))
        yield Sample(make(2, 6), make(2, 5), [3, -2])
        yield Sample(make.complex(1, 7), make.complex(1, 4), [1, 2])
        yield Sample(make(0, 3, 8), make(0, 3, 5), [2, 1])
        yield Sample(make.tensor([[0.0, 1.0, 2.0]]), make(1, 2), [1, 0])
        yield Sample(make(3, 6), make(3, 5), [1, 0]).constant(0)
        yield Sample(make(3, 6), make(3, 5), [1, 0]).constant(1)


_replication_pad1d = torch.ops.aten.replication_pad1d.default
_replication_pad1d_backward = torch.ops.aten.replication_pad1d_backward.default
