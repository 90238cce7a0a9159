"""stack: tensors of one shape along a new dimension."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor

from plugrad.core import Context, Function, Sample, SampleMaker, op


@op("stack", overrides=(torch.stack, torch.ops.aten.stack.default), promotes=True, linear=True)
class Stack(Function):
    """z = the tensors x one after the other along a new dim;  each gets its slice of gz."""

    @staticmethod
    def forward(ctx: Context, tensors: Sequence[Tensor], dim: int = 0) -> Tensor:
        ctx.dim = int(dim)
        return torch.stack(tensors, dim)  # type: ignore[arg-type]

    @staticmethod
    def backward(ctx: Context, gz: Tensor) -> tuple[tuple[Tensor, ...]]:
        return (gz.unbind(ctx.dim),)

    @staticmethod
    def samples(make: SampleMaker) -> Iterator[Sample]:
        yield Sample([make(3, 4), make(3, 4)])
        yield Sample((make(2, 3), make(2, 3), make(2, 3)), 1)
        yield Sample([make(2, 3), make(2, 3)], dim=-1)
        yield Sample([make(), make(), make()])
        yield Sample(tensors=[make(2)])
        yield Sample([make(2), make(2, dtype=torch.float32), make.integers(2)])
        yield Sample([make(2), make.complex(2)])
        yield Sample([make(0, 3), make(0, 3)])
