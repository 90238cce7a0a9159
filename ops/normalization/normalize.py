"""nn.functional.normalize: vectors of length 1."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from plugrad.core import Composite, Sample, SampleMaker, op


@op("nn.functional.normalize", overrides=(torch.nn.functional.normalize,))
class Normalize(Composite):
    """y = x / max(norm, eps), with the p-norm of x along dim."""

    @staticmethod
    def forward(x: Tensor, p: float = 2.0, dim: int = 1, eps: float = 1e-12) -> Tensor:
        return x / x.norm(p, dim, keepdim=True).clamp_min(eps)

    @staticmethod
    def samples(make: SampleMaker) -> Iterator[Sample]:
        yield Sample(make(3, 4))
        yield Sample(make(2, 3, 2), 3.0, 0)
        yield Sample(make.nonzero(3, 4), 1, -1, 0.5)
        yield Sample(make(4), dim=0, eps=10.0)
        yield Sample(make(3, 2), dim=(0, 1))
        yield Sample(make.complex(3, 2))
        yield Sample(make(0, 3))
        yield Sample(make.tensor([[0.0, 0.0], [0.0, 2.0]])).at_kink()
