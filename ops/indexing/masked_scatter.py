"""masked_scatter: the elements of a tensor, one after the other, where a mask says."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from plugrad.core import Context, Function, Sample, SampleMaker, op


@op(
    "masked_scatter",
    methods=("masked_scatter",),
    overrides=(torch.masked_scatter, torch.ops.aten.masked_scatter.default),
    linear=True,
    inplace=True,
)
class MaskedScatter(Function):
    """z = x with the next element of source wherever mask is true; x and mask broadcast.

    gx = gz with 0 there;  gsource = the elements of gz there, then zeros.
    """

    @staticmethod
    def forward(ctx: Context, x: Tensor, mask: Tensor, source: Tensor) -> Tensor:
        ctx.x_shape, ctx.source_shape = x.shape, source.shape
        ctx.save_for_backward(mask)
        return torch.masked_scatter(x, mask, source)

    @staticmethod
    def backward(ctx: Context, gz: Tensor) -> tuple[Tensor | None, None, Tensor | None]:
        (mask,) = ctx.saved_tensors
        need_gx, _, need_gsource = ctx.needs_input_grad
        gx = gz.masked_fill(mask, 0).sum_to_size(ctx.x_shape) if need_gx else None
        gsource = None
        if need_gsource:
            used = gz.masked_select(mask)
            rest = gz.new_zeros(ctx.source_shape.numel() - used.numel())
            gsource = torch.cat([used, rest]).reshape(ctx.source_shape)
        return gx, None, gsource

    @staticmethod
    def samples(make: SampleMaker) -> Iterator[Sample]:
        mask = make.tensor([[True, False, True], [False, True, False]], dtype=torch.bool)
        yield Sample(make(2, 3), mask, make(3))
        yield Sample(make(2, 3), mask, make(2, 4))
        yield Sample(make(2, 3), mask[0], make(4))
        yield Sample(make(3), mask, make(3))
        yield Sample(make(2, 3), mask=mask, source=make(3)).constant(0)
        yield Sample(make(2, 3), mask, make(4)).constant(2)
        yield Sample(make(), make.tensor(True, dtype=torch.bool), make(2))
        yield Sample(make.complex(2, 3), mask, make.complex(3))
        yield Sample(make(2, 3), make.tensor(False, dtype=torch.bool), make(0))
        yield Sample(make(0, 3), mask[:0], make(2))
