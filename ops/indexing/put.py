"""put: elements put by their number, as if x had one dimension."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from plugrad.core import Context, Function, Sample, SampleMaker, op


@op(
    "put",
    methods=("put",),
    overrides=(torch.put, torch.ops.aten.put.default),
    linear=True,
    inplace=True,
)
class Put(Function):
    """z = x with source at the numbers in index, or added there if accumulate.

    gx = gz, with 0 at the places put if not accumulate;  gsource = gz there. If two elements are
    put at one place it is left open which one stays; as in torch each gets the gradient.
    """

    @staticmethod
    def forward(
        ctx: Context, x: Tensor, index: Tensor, source: Tensor, accumulate: bool = False
    ) -> Tensor:
        ctx.accumulate, ctx.source_shape = accumulate, source.shape
        ctx.save_for_backward(index)
        return torch.put(x, index, source, accumulate)

    @staticmethod
    def backward(ctx: Context, gz: Tensor) -> tuple[Tensor | None, None, Tensor | None]:
        (index,) = ctx.saved_tensors
        need_gx, _, need_gsource, *_ = ctx.needs_input_grad
        gx = gsource = None
        if need_gx:
            gx = gz if ctx.accumulate else gz.put(index, gz.new_zeros(index.shape))
        if need_gsource:
            gsource = gz.take(index).reshape(ctx.source_shape)
        return gx, None, gsource

    @staticmethod
    def samples(make: SampleMaker) -> Iterator[Sample]:
        apart = make.tensor([3, 0, -1], dtype=torch.int64)
        yield Sample(make(2, 3), apart, make(3))
        yield Sample(make(2, 3), make.tensor([3, 0, 3], dtype=torch.int64), make(3), True)
        yield Sample(make(2, 3), index=apart[:2], source=make(1, 2), accumulate=False)
        yield Sample(make(2, 3), apart, make(3)).constant(0)
        yield Sample(make(2, 3), apart, make(3), accumulate=True).constant(2)
        yield Sample(make(2, 3), apart, make(3)).constant(2)
        yield Sample(make(), make.tensor(0, dtype=torch.int64), make())
        yield Sample(make.complex(3), apart[1:], make.complex(2))
        yield Sample(make(3), make.integers(0), make(0))
        yield Sample(make(0, 3), make.integers(0), make(0))
