"""as_strided_copy: the memory at given strides, a copy."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor

from plugrad.core import Composite, Sample, SampleMaker, op


@op(
    "as_strided_copy",
    overrides=(torch.as_strided_copy, torch.ops.aten.as_strided_copy.default),
    linear=True,
    waives={
        "layouts": "it is about memory: laid out in another way, that is another tensor",
        "sizes": "a smaller tensor has less memory than the strides reach",
    },
)
class AsStridedCopy(Composite):
    """y = x's memory by strides, a copy;  gx = gy added there."""

    @staticmethod
    def forward(
        x: Tensor, size: Sequence[int], stride: Sequence[int], storage_offset: int | None = None
    ) -> Tensor:
        return x.as_strided(size, stride, storage_offset).clone(
            memory_format=torch.contiguous_format
        )

    @staticmethod
    def samples(make: SampleMaker) -> Iterator[Sample]:
        yield Sample(make(3, 3), (2, 2), (1, 2), 1)
        yield Sample(make(4), [3, 2], [1, 0])
        yield Sample(make(4), (), (), storage_offset=3)
        yield Sample(make.complex(4), (2,), (2,))
        yield Sample(make(0, 3), (0,), (1,))
