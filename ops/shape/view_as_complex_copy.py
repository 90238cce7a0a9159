"""view_as_complex_copy: pairs of real numbers as complex ones, a copy."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from plugrad.core import Composite, Sample, SampleMaker, op


def _reference(x: Tensor) -> Tensor:
    """The same by functions that torch differentiates."""
    return torch.view_as_complex(x).clone()


@op(
    "view_as_complex_copy",
    reference=_reference,
    overrides=(torch.view_as_complex_copy, torch.ops.aten.view_as_complex_copy.default),
)
class ViewAsComplexCopy(Composite):
    """y = x[.., 0] + i x[.., 1], a copy;  gx = (Re gy, Im gy)."""

    @staticmethod
    def forward(x: Tensor) -> Tensor:
        return torch.view_as_complex(x).clone(memory_format=torch.contiguous_format)

    @staticmethod
    def samples(make: SampleMaker) -> Iterator[Sample]:
        yield Sample(make(3, 4, 2))
        yield Sample(make(2))
        yield Sample(make(0, 2))
