"""index_add: slices added along a dimension, by a vector of indices."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from plugrad.core import Context, Function, Sample, SampleMaker, conj, op
from plugrad.ops._number import number


@op(
    "index_add",
    methods=("index_add",),
    overrides=(torch.index_add, torch.ops.aten.index_add.default),
    linear=True,
    inplace=True,
)
class IndexAdd(Function):
    """z = x with alpha times each slice of source added to the slice that index names.

    gx = gz;  gsource = conj(alpha) times the slices of gz that index names. torch does not
    conjugate alpha, and its gradient is wrong for a complex one.
    """

    @staticmethod
    def forward(
        ctx: Context, x: Tensor, dim: int, index: Tensor, source: Tensor, *, alpha: complex = 1
    ) -> Tensor:
        ctx.dim, ctx.alpha, ctx.source_shape = int(dim), number(alpha), source.shape
        ctx.save_for_backward(index if ctx.needs_input_grad[3] else None)
        return x.index_add(dim, index, source, alpha=alpha)

    @staticmethod
    def backward(ctx: Context, gz: Tensor) -> tuple[Tensor, None, None, Tensor | None]:
        (index,) = ctx.saved_tensors
        if index is None:
            return gz, None, None, None
        if gz.numel() == 0:  # then torch lets a source of any shape pass, and uses none of it
            return gz, None, None, gz.new_zeros(ctx.source_shape)
        gsource = gz.index_select(ctx.dim, index)
        return gz, None, None, gsource if ctx.alpha == 1 else gsource * conj(ctx.alpha)

    @staticmethod
    def samples(make: SampleMaker) -> Iterator[Sample]:
        yield Sample(make(4, 2), 0, make.integers(6, high=4), make(6, 2))
        yield Sample(make(2, 3, 2), -2, make.integers(2, high=3), make(2, 2, 2), alpha=-0.5)
        yield Sample(make(4), dim=0, index=make.integers(2, high=4), source=make(2))
        yield Sample(make(4), 0, make.tensor(2, dtype=torch.int64), make(1)).waive(
            "batched-cotangents", "torch.vmap selects wrongly by an index without dimensions"
        )
        yield Sample(make(), 0, make.tensor([0], dtype=torch.int64), make())
        yield Sample(make(), 0, make.tensor(0, dtype=torch.int64), make())
        yield Sample(
            make.complex(3), 0, make.integers(4, high=3), make.complex(4), alpha=2 + 1j
        ).without_oracle("it does not conjugate alpha")
        yield Sample(make(4), 0, make.integers(2, high=4), make(2)).constant(0)
        yield Sample(make(4), 0, make.integers(2, high=4), make(2)).constant(3)
        yield Sample(make(3, 2), 0, make.integers(0), make(0, 2))
        yield Sample(make(0, 2), 1, make.integers(3, high=2), make(0, 3))
        index = make.tensor([2, 0, 2], dtype=torch.int64)
        yield Sample(make(3, 3), 1, index, make(3, 3))
