"""block_diag: matrices along a diagonal."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import reduce

import torch
from torch import Tensor

from plugrad.core import Composite, Sample, SampleMaker, op
from plugrad.errors import ArgumentError


@op(
    "block_diag",
    overrides=(torch.ops.aten.block_diag.default,),
    linear=True,
)
class BlockDiag(Composite):
    """y = zeros with the tensors one after the other on the diagonal;  their gradients are there.

    A vector is a row, and a number a matrix of one element. After an empty vector torch looks for
    the gradients a row too early.
    """

    @staticmethod
    def forward(tensors: Sequence[Tensor]) -> Tensor:
        for i, t in enumerate(tensors):
            if t.dim() > 2:
                raise ArgumentError(
                    "torch.block_diag: Input tensors must have 2 or fewer dimensions. "
                    f"Input {i} has {t.dim()} dimensions",
                    where="a call of block_diag",
                    fix="pass the matrices of a batch one by one: block_diag(*batch)",
                )
        dtype = _dtype(tensors)
        blocks = [(t if t.dim() == 2 else t.reshape(1, -1)).to(dtype) for t in tensors]
        width = sum(block.shape[1] for block in blocks)
        rows, before = [], 0
        for block in blocks:
            height, own = block.shape
            left, right = (height, before), (height, width - before - own)
            rows.append(torch.cat([block.new_zeros(left), block, block.new_zeros(right)], 1))
            before += own
        return torch.cat(rows)

    @staticmethod
    def samples(make: SampleMaker) -> Iterator[Sample]:
        yield Sample([make(2, 3), make(1, 2)])
        yield Sample([make(), make(2, 0), make(3, 1), make(2)])
        yield Sample(tensors=[make(2, 2)])
        yield Sample([make(2), make(2, dtype=torch.float32)])
        yield Sample([make(2), make.complex(1, 2)])
        yield Sample([make(0, 2), make(2)])
        yield Sample([make(), make(2, dtype=torch.float32), make.integers(1, 2)])
        yield Sample([make(2), make(1, 2, 2)]).raises(ArgumentError, "Input 1 has 3 dimensions")


def _dtype(tensors: Sequence[Tensor]) -> torch.dtype:
    """That of all together, where a tensor without dimensions counts as a number does."""
    numbers, others = ([t.dtype for t in tensors if bool(t.dim()) is d] for d in (False, True))
    if not (numbers and others):
        return reduce(torch.promote_types, numbers or others)
    number, other = reduce(torch.promote_types, numbers), reduce(torch.promote_types, others)
    return torch.result_type(torch.empty((), dtype=number), torch.empty(1, dtype=other))
