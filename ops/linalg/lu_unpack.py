"""lu_unpack: the factors L and U out of one matrix, and the permutation out of pivots."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor

from plugrad.core import Context, Function, Sample, SampleMaker, op
from plugrad.errors import ArgumentError
from plugrad.ops._possibly import possibly
from plugrad.ops.linalg._lu import packed


@op(
    "lu_unpack",
    overrides=(torch.lu_unpack, torch.ops.aten.lu_unpack.default),
    aliases={"LU_data": "x", "LU_pivots": "pivots"},
    equivalent={
        "option-ignored[unpack_data]": "without it there is no output with a gradient",
    },
)
class LuUnpack(Function):
    """l = x below the diagonal, with 1 on it; u = the rest of x;  gx = gl and gu at their places.

    The first output is the permutation of the pivots, which has no gradient. What is not
    unpacked is empty.
    """

    @staticmethod
    def forward(
        ctx: Context,
        x: Tensor,
        pivots: Tensor,
        unpack_data: bool = True,
        unpack_pivots: bool = True,
    ) -> Any:
        if unpack_pivots:
            _check(x, pivots)
        found = torch.lu_unpack(x, pivots, unpack_data, unpack_pivots)
        ctx.mark_non_differentiable(found[0])
        ctx.set_materialize_grads(False)
        ctx.size = tuple(x.shape[-2:])
        ctx.unpacked = unpack_data
        return found

    @staticmethod
    def backward(
        ctx: Context, _: Tensor | None, gl: Tensor | None, gu: Tensor | None
    ) -> Tensor | None:
        return packed(gl, gu, *ctx.size) if ctx.unpacked else None

    @staticmethod
    def samples(make: SampleMaker) -> Iterator[Sample]:
        for shape in ((3, 3), (2, 3), (3, 2), (2, 4, 3), (2, 3, 3)):
            lu, pivots = torch.linalg.lu_factor(make(*shape))
            yield Sample(lu, pivots)
        yield Sample(make.complex(2, 3), make.tensor([2, 2], dtype=torch.int32))
        yield Sample(make(3, 3), make.tensor([3, 3, 3], dtype=torch.int32), True, False)
        pivots = make.tensor([3, 3, 3], dtype=torch.int32)
        yield Sample(make(3, 3), pivots, unpack_data=False).constant(0)
        yield Sample(make(0, 3), make.tensor([], dtype=torch.int32))
        yield Sample(make(3, 0), make.tensor([], dtype=torch.int32))
        yield Sample(make.tensor([[0.0, 1.0], [0.0, 2.0]]), make.tensor([1, 2], dtype=torch.int32))
        yield Sample(make(2, 2), make.tensor([1.0, 2.0])).raises(RuntimeError, "int32")
        yield Sample(make(2, 2), make.tensor([1], dtype=torch.int32)).raises(
            ArgumentError, "pivots"
        )
        five = make.tensor([5, 5], dtype=torch.int32)
        yield Sample(make(2, 2), five).raises(ArgumentError, "values")


def _check(x: Tensor, pivots: Tensor) -> None:
    """Refuse pivots of another shape, with which torch's kernel writes beyond its memory."""
    shape = (*x.shape[:-2], min(x.shape[-2:])) if x.dim() > 1 else pivots.shape
    if pivots.shape != shape or _beyond(pivots, x.shape[-2]):
        raise ArgumentError(
            f"pivots of shape {tuple(pivots.shape)}, or one of their values, do not belong to "
            f"factors of shape {tuple(x.shape)}",
            where="a call of lu_unpack",
            fix=f"pass pivots of shape {tuple(shape)}, from 1 to {x.shape[-2]}, as "
            "torch.linalg.lu_factor gives them",
        )


def _beyond(pivots: Tensor, rows: int) -> bool:
    """Whether a pivot is not a row; on a CPU, where torch's kernel does not check."""
    return pivots.device.type == "cpu" and possibly((pivots < 1) | (pivots > rows), False)
