"""roll: the elements moved along dimensions, those that leave at the end put first."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor

from plugrad.core import Context, Function, Sample, SampleMaker, op


@op("roll", methods=("roll",), overrides=(torch.roll, torch.ops.aten.roll.default), linear=True)
class Roll(Function):
    """y = x moved by shifts along dims;  gx = gy moved back.

    Without dims x is moved as if it had one dimension.
    """

    @staticmethod
    def forward(
        ctx: Context, x: Tensor, shifts: int | Sequence[int], dims: int | Sequence[int] | None = ()
    ) -> Tensor:
        dims = () if dims is None else dims
        ctx.back = [-int(s) for s in shifts] if isinstance(shifts, Sequence) else -int(shifts)
        ctx.dims = [int(d) for d in dims] if isinstance(dims, Sequence) else int(dims)
        return torch.roll(x, shifts, dims)  # type: ignore[arg-type]

    @staticmethod
    def backward(ctx: Context, gy: Tensor) -> Tensor:
        return gy.roll(ctx.back, ctx.dims)

    @staticmethod
    def samples(make: SampleMaker) -> Iterator[Sample]:
        yield Sample(make(5), 2)
        yield Sample(make(2, 3), 1)
        yield Sample(make(2, 3), 1, 0)
        yield Sample(make(2, 3), -1, -1)
        yield Sample(make(2, 3, 2), (1, 2), (0, 1))
        yield Sample(make(3, 2), [1], dims=[0])
        yield Sample(make(4), shifts=7, dims=0)
        yield Sample(make(2, 3), 1, None)
        yield Sample(make.complex(3), 1)
        yield Sample(make(), 1).waive(
            "batched-cotangents", "torch.vmap rolls along the batch what has no dimensions"
        )
        yield Sample(make(0, 3), 1, 1)
