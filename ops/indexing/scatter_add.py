"""scatter_add: elements added along a dimension, each at its own index."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from plugrad.core import Context, Function, Sample, SampleMaker, op
from plugrad.ops.indexing._gathered import gathered


@op(
    "scatter_add",
    methods=("scatter_add",),
    overrides=(torch.scatter_add, torch.ops.aten.scatter_add.default),
    linear=True,
    inplace=True,
)
class ScatterAdd(Function):
    """z = x with src[i, j] added at [index[i, j], j] (here dim = 0).

    gx = gz;  gsrc = gz gathered at index, and 0 where src is larger than index (there
    torch raises).
    """

    @staticmethod
    def forward(ctx: Context, x: Tensor, dim: int, index: Tensor, src: Tensor) -> Tensor:
        ctx.dim, ctx.src_shape = int(dim), src.shape
        ctx.save_for_backward(index if ctx.needs_input_grad[3] else None)
        return x.scatter_add(dim, index, src)

    @staticmethod
    def backward(ctx: Context, gz: Tensor) -> tuple[Tensor, None, None, Tensor | None]:
        (index,) = ctx.saved_tensors
        gsrc = None if index is None else gathered(gz, ctx.dim, index, ctx.src_shape)
        return gz, None, None, gsrc

    @staticmethod
    def samples(make: SampleMaker) -> Iterator[Sample]:
        yield Sample(make(3, 4), 0, make.integers(2, 4, high=3), make(2, 4))
        yield Sample(make(3, 4), -1, make.integers(3, 5, high=4), make(3, 5))
        yield Sample(make(2, 3, 2), dim=1, index=make.integers(2, 4, 1, high=3), src=make(2, 4, 1))
        yield Sample(make.complex(3), 0, make.integers(4, high=3), make.complex(4))
        yield Sample(make(3), 0, make.integers(4, high=3), make(4)).constant(0)
        yield Sample(make(3), 0, make.integers(2, high=3), make(4)).constant(3)
        yield Sample(make(3, 4), 0, make.integers(2, 3, high=3), make(4, 4))
        yield Sample(make(3), 0, make.tensor(1, dtype=torch.int64), make(4))
        yield Sample(make(), 0, make.tensor([0], dtype=torch.int64), make())
        yield Sample(make(3, 2), 0, make.integers(0), make(2, 2))
        yield Sample(make(3, 2), 0, make.integers(0, 2), make(0, 2))
        yield Sample(make(), 0, make.tensor(0, dtype=torch.int64), make())
