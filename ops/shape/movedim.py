"""movedim: dimensions moved to other places."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor

from plugrad.core import Context, Function, Sample, SampleMaker, op
from plugrad.ops.shape._numbers import numbers


@op(
    "movedim",
    methods=("movedim", "moveaxis"),
    overrides=(
        torch.movedim,
        torch.moveaxis,
        torch.ops.aten.movedim.int,
        torch.ops.aten.movedim.intlist,
        torch.ops.aten.moveaxis.intlist,
        torch.ops.aten.moveaxis.int,
    ),
    linear=True,
    view=True,
)
class Movedim(Function):
    """y = x with dimensions source as destination, a view;  gx = gy moved back.

    The others keep their order.
    """

    @staticmethod
    def forward(
        ctx: Context, x: Tensor, source: int | Sequence[int], destination: int | Sequence[int]
    ) -> Tensor:
        y = torch.movedim(x, source, destination)  # type: ignore[arg-type]
        ctx.source, ctx.destination = _numbers(source), _numbers(destination)
        return y

    @staticmethod
    def backward(ctx: Context, gy: Tensor) -> Tensor:
        return gy.movedim(ctx.destination, ctx.source)

    @staticmethod
    def samples(make: SampleMaker) -> Iterator[Sample]:
        yield Sample(make(2, 3, 4), 0, 2)
        yield Sample(make(2, 3, 4), -1, 0)
        yield Sample(make(2, 3, 4), (0, 1), (1, 2))
        yield Sample(make(2, 3, 4), source=[0, -1], destination=[-1, 0])
        yield Sample(make.complex(2, 3), 1, 0)
        yield Sample(make(), 0, 0)
        yield Sample(make(0, 3), 0, 1)


def _numbers(dims: int | Sequence[int]) -> tuple[int, ...]:
    return numbers(tuple(dims) if isinstance(dims, tuple | list) else (dims,))
