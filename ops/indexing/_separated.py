"""Index tensors with whole dimensions between them, for which torch.vmap mislays the values."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor


def order_of_separated(dim: int, tensors: Sequence[Tensor | None]) -> list[int] | None:
    """The order of ``dim`` dimensions that has the indexed ones first; None if they are together.

    What is put has its shape in this order as well as before: the dimensions of separated index
    tensors come first.
    """
    consumed = [t.dim() if t is not None and t.dtype is torch.bool else 1 for t in tensors]
    given = [i for i, tensor in enumerate(tensors) if tensor is not None]
    if given[-1] - given[0] < len(given):
        return None
    first = [sum(consumed[:i]) + n for i in given for n in range(consumed[i])]
    return first + [n for n in range(dim) if n not in first]


def _mask(index: Tensor | None) -> Tensor | None:
    """An index of uint8 as what it is, a mask: of one alone torch cannot put a single number."""
    return index if index is None or index.dtype is not torch.uint8 else index.bool()


def put(
    x: Tensor, tensors: Sequence[Tensor | None], values: Tensor, accumulate: bool = False
) -> Tensor:
    """aten.index_put, which unlike torch.index_put takes None for a whole dimension."""
    tensors = [_mask(t) for t in tensors]
    order = order_of_separated(x.dim(), tensors)
    if order is None:
        return torch.ops.aten.index_put.default(x, list(tensors), values, accumulate)
    given = [t for t in tensors if t is not None]
    moved = torch.ops.aten.index_put.default(x.permute(order), given, values, accumulate)
    back: Tensor = moved.permute([order.index(n) for n in range(x.dim())])
    return back
