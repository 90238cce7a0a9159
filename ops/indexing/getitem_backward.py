"""getitem_backward: zeros with a tensor added at an index."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import torch
from torch import Tensor

from plugrad.core import Context, Function, Sample, SampleMaker, op
from plugrad.ops.indexing._placed import placed


# broadcasts=, since x may be broadcast to what is indexed: the engine sums.
@op("getitem_backward", overrides=(placed,), broadcasts=True, linear=True)
class GetitemBackward(Function):
    """y = zeros of shape with x added at [view][tensors];  gx = gy[view][tensors].

    The adjoint of getitem: x has the shape that this index gives, or broadcasts to it.
    """

    @staticmethod
    def forward(
        ctx: Context,
        x: Tensor,
        shape: Sequence[int],
        view: tuple[Any, ...],
        *tensors: Tensor | None,
    ) -> Tensor:
        ctx.view = view
        ctx.save_for_backward(*tensors)
        return placed(x, shape, view, *tensors)

    @staticmethod
    def backward(ctx: Context, gy: Tensor) -> Tensor:
        gx = gy[ctx.view]
        tensors = ctx.saved_tensors
        return torch.ops.aten.index.Tensor(gx, list(tensors)) if tensors else gx

    @staticmethod
    def samples(make: SampleMaker) -> Iterator[Sample]:
        everything = slice(None)
        yield Sample(make(4), (3, 4), (1,))
        yield Sample(make(3, 2), torch.Size([3, 4]), (everything, slice(0, 4, 2)))
        yield Sample(make(2, 1, 2), (2, 3, 4), (everything, None, 1, slice(2)))
        yield Sample(make(), (), ())
        yield Sample(make(0, 4), (0, 3, 4), (everything, 1))
        yield Sample(make(5, 2), (4, 2), (), make.integers(5, high=4))
        yield Sample(make(2, 5), (2, 3, 4), (Ellipsis, 1), None, make.integers(5, high=3))
        yield Sample(make(4), (2, 2), (), make.integers(4, high=2), make.integers(4, high=2))
        yield Sample(make(2), (3,), (), make.tensor([True, False, True], dtype=torch.bool))
        yield Sample(make.complex(3), (2,), (), make.integers(3, high=2))
        yield Sample(make(1), (3, 4), (1,))
