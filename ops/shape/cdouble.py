"""cdouble: a cast to complex128."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from plugrad.core import Composite, Sample, SampleMaker, op


@op(
    "cdouble",
    methods=("cdouble",),
    reference=torch.Tensor.cdouble,  # type: ignore[attr-defined]
    linear=True,
    view=True,
)
class CDouble(Composite):
    """y = x cast to complex128;  gx = gy cast back to the dtype of x.

    Where x has that dtype already, y is x itself.
    """

    @staticmethod
    def forward(x: Tensor, *, memory_format: torch.memory_format = torch.preserve_format) -> Tensor:
        return x.to(torch.complex128, memory_format=memory_format)

    @staticmethod
    def samples(make: SampleMaker) -> Iterator[Sample]:
        yield Sample(make(3, 4))
        yield Sample(make(3, dtype=torch.float32))
        yield Sample(make(3, dtype=torch.complex128))
        yield Sample(make(2, 3).t(), memory_format=torch.contiguous_format)
        yield Sample(make.integers(3))
        yield Sample(make())
        yield Sample(make(0, 3))
        yield Sample(make.complex(3))
