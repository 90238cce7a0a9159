"""cat: tensors put together along a dimension."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor

from plugrad.core import Context, Function, Sample, SampleMaker, op


@op(
    "cat",
    overrides=(
        torch.cat,
        torch.concat,
        torch.concatenate,
        torch.ops.aten.cat.default,
        torch.ops.aten.concat.default,
        torch.ops.aten.concatenate.default,
    ),
    promotes=True,
    linear=True,
)
class Cat(Function):
    """z = the tensors x one after the other along dim;  each gets its piece of gz.

    As in torch a tensor of shape (0,) fits everywhere, and has a gradient of that shape.
    """

    @staticmethod
    def forward(ctx: Context, tensors: Sequence[Tensor], dim: int = 0) -> Tensor:
        z = torch.cat(tensors, dim)  # type: ignore[arg-type]
        ctx.dim = int(dim) if z.dim() > 1 else 0  # any is taken if all are of shape (0,)
        ctx.sizes = tuple([t.shape[ctx.dim] if t.dim() == z.dim() else 0 for t in tensors])
        ctx.skipped = tuple([t.dim() != z.dim() for t in tensors])
        return z

    @staticmethod
    def backward(ctx: Context, gz: Tensor) -> tuple[list[Tensor]]:
        pieces = gz.split_with_sizes(ctx.sizes, ctx.dim)
        pairs = zip(pieces, ctx.skipped, strict=True)
        return ([gz.new_zeros(0) if skipped else g for g, skipped in pairs],)

    @staticmethod
    def samples(make: SampleMaker) -> Iterator[Sample]:
        yield Sample([make(3, 4), make(2, 4)])
        yield Sample((make(2, 1), make(2, 3), make(2, 2)), 1)
        yield Sample([make(2, 1), make(2, 3)], dim=-1)
        yield Sample([make(2), make(1)], axis=0)
        yield Sample(tensors=[make(2), make(1)])
        yield Sample([make(3)])
        yield Sample([make(2), make(3, dtype=torch.float32), make.integers(2)])
        yield Sample([make(2), make.complex(3)])
        yield Sample([make.complex(2), make.complex(3)])
        yield Sample([make(0), make(2, 3)])
        yield Sample([make(0, 3), make(2, 3)])
        yield Sample([make(0), make(0)])
        yield Sample([make(0), make(0)], 1)
        yield Sample([make(2, 2), make(2, 2)], 1)
