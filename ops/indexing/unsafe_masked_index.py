"""unsafe_masked_index: elements at index tensors, and a number where a mask is false."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor

from plugrad.core import Composite, Sample, SampleMaker, op


@op("unsafe_masked_index", overrides=(torch.ops.aten._unsafe_masked_index.default,), linear=True)
class UnsafeMaskedIndex(Composite):
    """y = x[indices] where mask, else fill;  gx = zeros with gy added there.

    An index beyond x is taken for the nearest: the mask is false there.
    """

    @staticmethod
    def forward(x: Tensor, mask: Tensor, indices: Sequence[Tensor | None], fill: complex) -> Tensor:
        near = [
            index if index is None else index.clamp(-size, size - 1)
            for index, size in zip(indices, x.shape, strict=False)
        ]
        return torch.ops.aten.index.Tensor(x, near).masked_fill(mask.logical_not(), fill)

    @staticmethod
    def samples(make: SampleMaker) -> Iterator[Sample]:
        index = make.tensor([3, 0, -1, 7], dtype=torch.int64)
        mask = make.tensor([True, True, False, False], dtype=torch.bool)
        yield Sample(make(4), mask, [index], 0)
        yield Sample(make(2, 4), mask, [None, index], 1.5)
        yield Sample(make(4, 2), mask=mask[:, None], indices=[index], fill=2)
        yield Sample(make(4, 4), mask, [index, index], 0)
        yield Sample(make.complex(4), mask, [index], 1)
