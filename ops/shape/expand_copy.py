"""expand_copy: a tensor broadcast to a shape, a copy."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor

from plugrad.core import Composite, Sample, SampleMaker, op


@op(
    "expand_copy",
    overrides=(torch.expand_copy, torch.ops.aten.expand_copy.default),
    linear=True,
)
class ExpandCopy(Composite):
    """y = x broadcast to size, a copy;  gx = gy summed to the shape of x."""

    @staticmethod
    def forward(x: Tensor, size: Sequence[int], *, implicit: bool = False) -> Tensor:
        return x.expand(size, implicit=implicit).clone(memory_format=torch.contiguous_format)

    @staticmethod
    def samples(make: SampleMaker) -> Iterator[Sample]:
        yield Sample(make(3, 1), (3, 4))
        yield Sample(make(3, 1), [2, -1, 4])
        yield Sample(make(3), size=(2, 3), implicit=True)
        yield Sample(make.complex(1, 2), (3, 2))
        yield Sample(make(), ())
        yield Sample(make(1, 3), (0, 3))
