"""view: the same elements in another shape, or the same bytes as another dtype."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor

from plugrad.core import Context, Function, Sample, SampleMaker, op
from plugrad.ops.shape._numbers import given


@op(
    "view",
    methods=("view",),
    reference=torch.Tensor.view,
    overrides=(torch.ops.aten.view.default, torch.ops.aten.view.dtype),
    linear=True,
    view=True,
    equivalent={"option-ignored[dtype]": "a view as another dtype has no gradient"},
)
class View(Function):
    """y = x in the shape given, a view;  gx = gy in the shape of x.

    One size may be -1. With a dtype instead, the bytes are read as that dtype, and
    there is no gradient.
    """

    @staticmethod
    def forward(
        ctx: Context,
        x: Tensor,
        *sizes: int | Sequence[int] | torch.dtype,
        size: Sequence[int] | None = None,
        dtype: torch.dtype | None = None,
    ) -> Tensor:
        y: Tensor = x.view(*given(given(sizes, size), dtype))
        ctx.x_shape = x.shape
        if dtype is not None or (sizes and isinstance(sizes[0], torch.dtype)):
            ctx.mark_non_differentiable(y)
        return y

    @staticmethod
    def backward(ctx: Context, gy: Tensor) -> Tensor:
        return gy.reshape(ctx.x_shape)

    @staticmethod
    def samples(make: SampleMaker) -> Iterator[Sample]:
        yield Sample(make(3, 4), 2, 6)
        yield Sample(make(3, 4), (2, -1))
        yield Sample(make(3, 4), [12])
        yield Sample(make(3, 4), torch.Size([4, 3]))
        yield Sample(make(3, 4), -1)
        yield Sample(make(3, 4), size=(1, 12))
        yield Sample(make.complex(2, 3), 3, 2)
        yield Sample(make(0, 3), 3, 0)
        yield Sample(make(), 1, 1)
        yield Sample(make(1), ())
        yield Sample(make(3, 4), torch.int64)
        yield Sample(make.integers(2, 4), dtype=torch.int32)
