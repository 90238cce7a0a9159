"""diagonal_backward: zeros with the diagonals filled."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor

from plugrad.core import Context, Function, Sample, SampleMaker, op


@op(
    "diagonal_backward",
    overrides=(torch.ops.aten.diagonal_backward.default,),
    aliases={"grad_output": "x"},
    broadcasts=True,
    linear=True,
)
class DiagonalBackward(Function):
    """y = zeros of input_sizes with x on the diagonal of dim1 and dim2;  gx = gy there.

    x is broadcast to that place.
    """

    @staticmethod
    def forward(
        ctx: Context, x: Tensor, input_sizes: Sequence[int], offset: int, dim1: int, dim2: int
    ) -> Tensor:
        ctx.where = (offset, dim1, dim2)
        y: Tensor = torch.ops.aten.diagonal_backward.default(x, input_sizes, offset, dim1, dim2)
        return y

    @staticmethod
    def backward(ctx: Context, gy: Tensor) -> Tensor:
        return gy.diagonal(*ctx.where)

    @staticmethod
    def samples(make: SampleMaker) -> Iterator[Sample]:
        yield Sample(make(3, 2), (3, 3, 3), 1, 0, 2)
        yield Sample(make(1), (3, 3), 0, 0, 1)
        yield Sample(make(3), (3, 3), 0, 0, 1)
        yield Sample(make(3), [3, 4], 1, 0, 1)
        yield Sample(make(3, 2), (2, 3, 4), 0, -1, 0)
        yield Sample(make(2, 2), (2, 3, 3), 1, 1, 2)
        yield Sample(make.complex(2), (2, 2), 0, 0, 1)
        yield Sample(make(0), (0, 3), 0, 0, 1)
