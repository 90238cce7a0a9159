"""masked_select: the elements where a mask is True."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from plugrad.core import Context, Function, Sample, SampleMaker, op
from plugrad.ops.indexing._placed import placed


@op(
    "masked_select",
    methods=("masked_select",),
    overrides=(torch.masked_select, torch.ops.aten.masked_select.default),
    broadcasts=True,
)
class MaskedSelect(Function):
    """y = the elements of x where mask, as a vector;  gx = gy there, else 0.

    x and mask broadcast.
    """

    @staticmethod
    def forward(ctx: Context, x: Tensor, mask: Tensor) -> Tensor:
        ctx.full_shape = torch.broadcast_shapes(x.shape, mask.shape)  # type: ignore[no-untyped-call]
        ctx.save_for_backward(mask)
        return x.masked_select(mask)

    @staticmethod
    def backward(ctx: Context, gy: Tensor) -> Tensor:
        (mask,) = ctx.saved_tensors
        # At least one dimension: a mask without dimensions is not an index for aten.
        shape = ctx.full_shape or torch.Size([1])
        return placed(gy, shape, (), mask.expand(shape)).reshape(ctx.full_shape)

    @staticmethod
    def samples(make: SampleMaker) -> Iterator[Sample]:
        yield Sample(make(3, 4), make.booleans(3, 4))
        yield Sample(make(3, 4), make.booleans(4))
        yield Sample(make(3, 1), mask=make.booleans(2, 1, 4))
        yield Sample(make(3), make.tensor([False] * 3, dtype=torch.bool))
        yield Sample(make.complex(5), make.booleans(5))
        yield Sample(make(), make.tensor(True, dtype=torch.bool))
        yield Sample(make(), make.tensor(False, dtype=torch.bool))
        yield Sample(make(), make.booleans(3))
        yield Sample(make(0, 3), make.booleans(3))
