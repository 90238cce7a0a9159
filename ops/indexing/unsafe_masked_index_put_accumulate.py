"""unsafe_masked_index_put_accumulate: values added at index tensors where a mask is true."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor

from plugrad.core import Composite, Sample, SampleMaker, op


@op(
    "unsafe_masked_index_put_accumulate",
    overrides=(torch.ops.aten._unsafe_masked_index_put_accumulate.default,),
    linear=True,
)
class UnsafeMaskedIndexPutAccumulate(Composite):
    """z = x with values added at [indices] where mask;  gx = gz, gvalues = gz there, else 0."""

    @staticmethod
    def forward(
        x: Tensor, mask: Tensor, indices: Sequence[Tensor | None], values: Tensor
    ) -> Tensor:
        near = [
            index if index is None else index.clamp(-size, size - 1)
            for index, size in zip(indices, x.shape, strict=False)
        ]
        used = values.masked_fill(mask.logical_not(), 0)
        z: Tensor = torch.ops.aten.index_put.default(x, near, used, True)
        return z

    @staticmethod
    def samples(make: SampleMaker) -> Iterator[Sample]:
        index = make.tensor([3, 0, -9, 7], dtype=torch.int64)
        mask = make.tensor([True, True, False, False], dtype=torch.bool)
        yield Sample(make(4), mask, [index], make(4))
        yield Sample(make(2, 4), mask, [None, index], make(2, 4))
        yield Sample(make(4, 2), mask=mask[:, None], indices=[index], values=make(4, 2))
        yield Sample(make(4, 4), mask, [index * 0, index], make(4))
        yield Sample(make(4), mask, [index], make(4)).constant(0)
        yield Sample(make(4), mask, [index], make(4)).constant("values")
        yield Sample(make.complex(4), mask, [index], make.complex(4))
