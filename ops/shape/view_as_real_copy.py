"""view_as_real_copy: complex numbers as pairs of real ones, a copy."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from plugrad.core import Composite, Sample, SampleMaker, op


@op(
    "view_as_real_copy",
    overrides=(torch.view_as_real_copy, torch.ops.aten.view_as_real_copy.default),
)
class ViewAsRealCopy(Composite):
    """y = (Re x, Im x), a copy;  gx = gy[.., 0] + i gy[.., 1]."""

    @staticmethod
    def forward(x: Tensor) -> Tensor:
        return torch.view_as_real(x.resolve_conj()).clone(memory_format=torch.contiguous_format)

    @staticmethod
    def samples(make: SampleMaker) -> Iterator[Sample]:
        yield Sample(make.complex(3, 4))
        yield Sample(make.complex())
        yield Sample(make.complex(0, 3))
