"""resolve_conj: the same numbers without the conjugate bit."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch

from plugrad.core import Composite, Sample, SampleMaker, op


@op(
    "resolve_conj",
    methods=("resolve_conj",),
    overrides=(torch.resolve_conj, torch.ops.aten.resolve_conj.default),
    linear=True,
    elementwise=True,
    view=True,
)
class ResolveConj(Composite):
    """y = x, with a conjugation that torch put off carried out;  gx = gy.

    Where there is none it is the same Variable.
    """

    @staticmethod
    def forward(x: Any) -> Any:
        return x.clone() if x.is_conj() else x

    @staticmethod
    def samples(make: SampleMaker) -> Iterator[Sample]:
        yield Sample(make(3, 4))
        yield Sample(make.complex(5))
        yield Sample(make())
        yield Sample(make(0, 3))
        yield Sample(make.complex(3).conj())
