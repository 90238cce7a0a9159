"""index_put, with which torch.vmap mislays values."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from plugrad.ops._mapped import in_a_map, mapped_as


def put(
    x: Tensor, tensors: Sequence[Tensor | None], values: Tensor, accumulate: bool = False
) -> Tensor:
    """aten.index_put, which unlike torch.index_put takes None for a whole dimension."""
    tensors = [_mask(t) for t in tensors]
    number = any(t is not None and t.dtype is torch.bool and t.dim() == 0 for t in tensors)
    if in_a_map(x, values, *tensors) and not number:
        return _put_in_a_map(x, tensors, values, accumulate)
    return torch.ops.aten.index_put.default(x, list(tensors), values, accumulate)


def _put_in_a_map(
    x: Tensor, tensors: Sequence[Tensor | None], values: Tensor, accumulate: bool
) -> Tensor:
    """The same with index tensors for the first dimensions, mapped wherever the values are.

    For others torch.vmap looks for the values where the dimensions are that it adds.
    """
    dim, indices, at = 0, [], []
    for tensor in tensors:
        parts = [tensor]
        if tensor is not None and tensor.dtype is torch.bool:
            parts = list(tensor.nonzero(as_tuple=True))
        for part in parts:
            if part is not None:
                indices.append(mapped_as(part, x, values))
                at.append(dim)
            dim += 1
    rest = [n for n in range(x.dim()) if n not in at]
    # Where the dimensions of the index are in the values: those of separated tensors come first.
    first = at[0] if at[-1] - at[0] < len(at) else 0
    before, after = rest[:first], rest[first:]
    shape = torch.broadcast_shapes(*[i.shape for i in indices])  # type: ignore[no-untyped-call]
    values = values.expand([*[x.shape[n] for n in before], *shape, *[x.shape[n] for n in after]])
    values = values.movedim(list(range(first)), list(range(len(shape), len(shape) + first)))
    order = [*at, *rest]
    moved = torch.ops.aten.index_put.default(x.permute(order), indices, values, accumulate)
    back: Tensor = moved.permute([order.index(n) for n in range(x.dim())])
    return back


def _mask(index: Tensor | None) -> Tensor | None:
    """An index of uint8 as what it is, a mask: of one alone torch cannot put a single number."""
    return index if index is None or index.dtype is not torch.uint8 else index.bool()
