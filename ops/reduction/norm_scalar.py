"""norm_scalar: torch's older norm over all elements, which is in torch.norm_except_dim."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from plugrad.core import Composite, Sample, SampleMaker, op


@op("norm_scalar", overrides=(torch.ops.aten.norm.Scalar,))
class NormScalar(Composite):
    """y = linalg.vector_norm(x, p), over all elements."""

    @staticmethod
    def forward(x: Tensor, p: float = 2) -> Tensor:
        return torch.linalg.vector_norm(x, p)

    @staticmethod
    def samples(make: SampleMaker) -> Iterator[Sample]:
        yield Sample(make(3, 4))
        yield Sample(make(3), 3)
        yield Sample(make.complex(2, 2), 1)
        yield Sample(make())
        yield Sample(make(0))
        yield Sample(make.tensor([0.0, 0.0]))
