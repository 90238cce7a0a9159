"""as_strided_scatter: a copy with the elements at given strides replaced."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor

from plugrad.core import Context, Function, Sample, SampleMaker, op


def _reference(
    x: Tensor,
    src: Tensor,
    size: Sequence[int],
    stride: Sequence[int],
    storage_offset: int | None = None,
) -> Tensor:
    """The same by as_strided and copy_, which torch differentiates as it should."""
    z = x.clone()
    offset = 0 if storage_offset is None else storage_offset - x.storage_offset()
    z.as_strided(size, stride, offset).copy_(src)
    return z


@op(
    "as_strided_scatter",
    methods=("as_strided_scatter",),
    reference=_reference,
    overrides=(torch.as_strided_scatter, torch.ops.aten.as_strided_scatter.default),
    promotes=True,
    linear=True,
    waives={
        "layouts": "it is about memory: laid out in another way, that is another tensor",
        "sizes": "a smaller tensor has less memory than the strides reach",
    },
)
class AsStridedScatter(Function):
    """z = x with src at storage_offset + i stride[0] + ..;  gx = gz with 0 there, gsrc = gz there.

    The memory is as_strided's: that of x, which z's is like. If elements of src come to one place,
    the one that stays gets the gradient. torch's gradient is wrong.
    """

    @staticmethod
    def forward(
        ctx: Context,
        x: Tensor,
        src: Tensor,
        size: Sequence[int],
        stride: Sequence[int],
        storage_offset: int | None = None,
    ) -> Tensor:
        z = torch.as_strided_scatter(x, src, size, stride, storage_offset)
        # Numbers in x's memory, put and read as x's and src's elements are.
        offset = x.storage_offset() if storage_offset is None else storage_offset
        memory = torch.full((x.untyped_storage().nbytes() // x.element_size(),), -1)
        memory = memory.to(x.device)
        numbers = torch.arange(src.numel(), device=x.device).reshape(src.shape)
        memory.as_strided(size, stride, offset).copy_(numbers)
        ctx.src_shape = src.shape
        ctx.save_for_backward(memory.as_strided(x.shape, x.stride(), x.storage_offset()))
        return z

    @staticmethod
    def backward(ctx: Context, gz: Tensor) -> tuple[Tensor | None, Tensor | None]:
        (number,) = ctx.saved_tensors
        need_gx, need_gsrc, *_ = ctx.needs_input_grad
        put = number >= 0
        gx = gz.masked_fill(put, 0) if need_gx else None
        gsrc = None
        if need_gsrc:
            zeros = gz.new_zeros(ctx.src_shape.numel())
            gsrc = zeros.index_put((number[put],), gz[put]).reshape(ctx.src_shape)
        return gx, gsrc

    @staticmethod
    def samples(make: SampleMaker) -> Iterator[Sample]:
        yield Sample(make(3, 3), make(2, 2), (2, 2), (1, 2))
        yield Sample(make(3, 3), make(2, 2), [2, 2], [2, 1], 1)
        yield Sample(make(16), make(2, 2, 2), (2, 2, 2), (8, 4, 2), storage_offset=1)
        yield Sample(make(2, 3).t(), make(2), (2,), (3,), 2)
        yield Sample(make(4), make(2, 1, 2), (2, 1, 2), (1, 1, 1)).without_oracle(
            "an element of src gets a gradient that another one was written over"
        )
        yield Sample(make(4), make(), (), (), 3)
        yield Sample(make(4), make(2), (2,), (2,)).constant(0)
        yield Sample(make(4), make(2), (2,), (2,)).constant(1)
        yield Sample(make(3), make(0, 2), (0, 2), (1, 1))
