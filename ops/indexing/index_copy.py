"""index_copy: slices put along a dimension, by a vector of indices."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from plugrad.core import Context, Function, Sample, SampleMaker, op


@op(
    "index_copy",
    methods=("index_copy",),
    overrides=(torch.index_copy, torch.ops.aten.index_copy.default),
    linear=True,
    inplace=True,
)
class IndexCopy(Function):
    """z = x with each slice of source put at its index of dim.

    gx = gz with 0 at the places put;  gsource = the slices of gz at index. If two slices are put
    at one place it is left open which one stays; as in torch each gets the gradient.
    """

    @staticmethod
    def forward(ctx: Context, x: Tensor, dim: int, index: Tensor, source: Tensor) -> Tensor:
        ctx.dim, ctx.source_shape = int(dim), source.shape
        ctx.save_for_backward(index)
        return x.index_copy(dim, index, source)

    @staticmethod
    def backward(ctx: Context, gz: Tensor) -> tuple[Tensor | None, None, None, Tensor | None]:
        (index,) = ctx.saved_tensors
        need_gx, _, _, need_gsource = ctx.needs_input_grad
        gx = gz.index_fill(ctx.dim, index, 0) if need_gx else None
        gsource = None
        if need_gsource:
            gsource = gz.index_select(ctx.dim, index).reshape(ctx.source_shape)
        return gx, None, None, gsource

    @staticmethod
    def samples(make: SampleMaker) -> Iterator[Sample]:
        index = make.tensor([2, 0], dtype=torch.int64)
        yield Sample(make(3, 4), 0, index, make(2, 4))
        yield Sample(make(2, 3), -1, index, make(2, 2))
        order = make.tensor([2, 0, 1], dtype=torch.int64)
        yield Sample(make(3, 3), 1, order, make(3, 3))
        yield Sample(make(3), dim=0, index=index, source=make(2))
        yield Sample(make.complex(3), 0, index, make.complex(2))
        yield Sample(make(3), 0, index, make(2)).constant(0)
        yield Sample(make(3), 0, index, make(2)).constant(3)
        yield Sample(make(3, 2), 0, make.integers(0), make(0, 2))
        yield Sample(make(0, 3), 1, index, make(0, 2))
        yield Sample(make(), 0, make.tensor([0], dtype=torch.int64), make())
