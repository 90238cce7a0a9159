"""memory and blocks: how a generated kernel sees tensors, as addresses and blocks of columns."""

from __future__ import annotations

import torch

#: Columns that one program of a kernel takes at a time; the last block of a row is masked.
BLOCK = 4


def memory(tensor):
    """The memory of a tensor in one row, as behind a raw pointer: strides are not looked at.

    torch's version counter does not see what is written through it.
    """
    raw = tensor.data
    elements = raw.untyped_storage().nbytes() // raw.element_size() - raw.storage_offset()
    return torch.as_strided(raw, (elements,), (1,), raw.storage_offset())


def blocks(columns):
    """The first and the last column but one of each block of a row."""
    return [(start, min(start + BLOCK, columns)) for start in range(0, columns, BLOCK)]
