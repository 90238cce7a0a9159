"""squeeze_copy: dimensions of size 1 left out, a copy."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor

from plugrad.core import Composite, Sample, SampleMaker, op
from plugrad.ops.shape._numbers import given


@op(
    "squeeze_copy",
    overrides=(
        torch.squeeze_copy,
        torch.ops.aten.squeeze_copy.default,
        torch.ops.aten.squeeze_copy.dim,
        torch.ops.aten.squeeze_copy.dims,
    ),
    linear=True,
)
class SqueezeCopy(Composite):
    """y = x without its dimensions of size 1, a copy;  gx = gy in the shape of x.

    With dim, only those of them that it names are left out.
    """

    @staticmethod
    def forward(
        x: Tensor, *dims: int | Sequence[int], dim: int | Sequence[int] | None = None
    ) -> Tensor:
        return x.squeeze(*given(dims, dim)).clone(memory_format=torch.contiguous_format)

    @staticmethod
    def samples(make: SampleMaker) -> Iterator[Sample]:
        yield Sample(make(3, 1, 4, 1))
        yield Sample(make(3, 1, 4, 1), 1)
        yield Sample(make(1, 3, 1), (0, -1))
        yield Sample(make(1, 3, 1), dim=0)
        yield Sample(make.complex(2, 1))
        yield Sample(make())
        yield Sample(make(0, 1), 1)
