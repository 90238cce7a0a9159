"""native_dropout: dropout and its mask."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from plugrad.core import Context, Function, Sample, SampleMaker, op


@op(
    "native_dropout",
    overrides=(torch.native_dropout, torch.ops.aten.native_dropout.default),
    random=True,
)
class NativeDropout(Function):
    """y = x mask / (1 - p), mask being False with probability p;  gx = gy mask / (1 - p).

    Not in training y is a copy of x. The second output is the mask. For a train of None, torch
    drops and scales y, but does not scale gx.
    """

    @staticmethod
    def forward(ctx: Context, x: Tensor, p: float, train: bool | None) -> tuple[Tensor, Tensor]:
        y, mask = torch.native_dropout(x, p, train)
        ctx.save_for_backward(mask)
        kept = 1 - float(p)
        ctx.scale = 1.0 if train is False else 1 / kept if kept else 0.0
        ctx.mark_non_differentiable(mask)
        return (y.clone() if y is x else y), mask  # it is x if there are no elements

    @staticmethod
    def backward(ctx: Context, gy: Tensor, _: object) -> Tensor:
        (mask,) = ctx.saved_tensors
        return torch.ops.aten.native_dropout_backward.default(gy, mask, ctx.scale)

    @staticmethod
    def samples(make: SampleMaker) -> Iterator[Sample]:
        yield Sample(make(4, 5), 0.5, True)
        yield Sample(make(4, 5), 0.2, train=True)
        yield Sample(make(3), 0.5, False)
        yield Sample(make(3), 1.0, True)
        yield Sample(make(3), 0.0, True)
        yield Sample(make(), 0.3, True)
