"""as_strided: a view of a tensor's memory by strides."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor

from plugrad.core import Composite, Sample, SampleMaker, op
from plugrad.ops._number import constant
from plugrad.ops.shape._strided import strided


@op(
    "as_strided",
    methods=("as_strided",),
    overrides=(torch.as_strided, torch.ops.aten.as_strided.default),
    linear=True,
    view=True,
    inplace=True,
    waives={
        "layouts": "it is about memory: laid out in another way, that is another tensor",
        "sizes": "a smaller tensor has less memory than the strides reach",
    },
)
class AsStrided(Composite):
    """y[i, j, ..] = the memory of x at storage_offset + i stride[0] + j stride[1] + .., a view.

    storage_offset counts from where the memory begins, and is that of x if it is None.
    """

    @staticmethod
    def forward(
        x: Tensor, size: Sequence[int], stride: Sequence[int], storage_offset: int | None = None
    ) -> Tensor:
        size = constant(size, "as_strided", "size")
        stride = constant(stride, "as_strided", "stride")
        storage_offset = constant(storage_offset, "as_strided", "storage_offset")
        offset = 0 if storage_offset is None else int(storage_offset - x.storage_offset())
        return strided(x, size, stride, offset)

    @staticmethod
    def samples(make: SampleMaker) -> Iterator[Sample]:
        yield Sample(make(3, 3), [2, 2], [3, 1])
        elsewhere = ("inplace", "the memory of a view does not begin where the view does")
        yield Sample(make(3, 3), (2, 2), (1, 2), 1).waive(*elsewhere)
        yield Sample(make(16), (2, 2, 3), (1, 1, 4), storage_offset=2).waive(*elsewhere)
        yield Sample(make(4), (3, 2), (1, 0), 1).waive(*elsewhere)
        yield Sample(make(4), (), (), 3).waive(*elsewhere)
        yield Sample(make.complex(4), (2,), (2,))
        yield Sample(make(4), (0, 2), (1, 1))
        yield Sample(make(0, 3), (0,), (1,))
