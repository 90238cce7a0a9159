"""An index taken apart: first what gives a view, then the tensors."""

from __future__ import annotations

from collections.abc import Sequence
from operator import index as as_int
from types import EllipsisType
from typing import Any

import torch
from torch import Tensor

# torch takes a list that holds a sequence or one of these for a tuple, if it is shorter than this.
_PARTS = (Sequence, Tensor, slice, EllipsisType, type(None))
_LONGEST_TUPLE = 32


def taken_apart(x: Tensor, index: Any) -> tuple[tuple[Any, ...], list[Tensor | None]]:
    """``(view, tensors)``, so that ``x[index]`` is aten.index(x[view], tensors).

    ``view`` holds integers, slices, None and Ellipsis. ``tensors`` has one entry per
    dimension of that view, None where there is no tensor; if there is none at all, it is
    empty, and ``x[index]`` is the view.
    """
    entries = [_entry(e, x.device) for e in _entries(index)]
    view: list[Any] = []
    tensors: list[Tensor | None] = []
    for entry in entries:
        if isinstance(entry, bool):
            # A new dimension of size 1, of which True takes the one element, False none.
            view.append(None)
            tensors.append(torch.zeros(int(entry), dtype=torch.int64, device=x.device))
        elif isinstance(entry, Tensor):
            view += [slice(None)] * _consumed(entry)
            tensors.append(entry)
        else:
            view.append(entry)
            if entry is Ellipsis:
                tensors += [None] * (x.dim() - sum(map(_consumed, entries)))
            elif not isinstance(entry, int):
                tensors.append(None)
    return tuple(view), [] if all(t is None for t in tensors) else tensors


def _entries(index: Any) -> tuple[Any, ...]:
    if isinstance(index, tuple):
        return index
    like_a_tuple = (
        isinstance(index, list)
        and len(index) < _LONGEST_TUPLE
        and any(isinstance(e, _PARTS) or _is_array(e) for e in index)
    )
    return tuple(index) if like_a_tuple else (index,)


def _is_array(entry: Any) -> bool:
    """Whether it is one of NumPy's arrays, or another sequence that does not say that it is one."""
    return hasattr(entry, "__array__") and hasattr(entry, "__len__")


def _entry(entry: Any, device: torch.device) -> Any:
    """``entry`` as int, bool, slice, None, Ellipsis or a tensor of at least one dimension."""
    if entry is None or entry is Ellipsis or isinstance(entry, bool):
        return entry
    if isinstance(entry, slice):
        bounds = (entry.start, entry.stop, entry.step)
        return slice(*[None if b is None else as_int(b) for b in bounds])
    if not isinstance(entry, Tensor):
        if hasattr(entry, "__index__") and not getattr(entry, "ndim", 0):
            return as_int(entry)
        if isinstance(entry, float | complex):
            torch.empty(1)[entry]  # type: ignore[index] # torch's refusal
        entry = torch.as_tensor(entry, device=device)
        if not entry.numel() and entry.is_floating_point():  # from an empty list
            entry = entry.long()
    if entry.dtype is torch.uint8:
        entry = entry.bool()
    if entry.dim() or (_is_mapped(entry) and entry.dtype is not torch.bool):
        return entry
    return bool(entry) if entry.dtype is torch.bool else as_int(entry)


def _is_mapped(entry: Tensor) -> bool:
    """Whether it is torch.vmap's, and so no number: torch takes it for an index tensor too."""
    return bool(torch._C._functorch.is_batchedtensor(entry))


def _consumed(entry: Any) -> int:
    """How many dimensions an entry of an index is for."""
    if entry is None or entry is Ellipsis or isinstance(entry, bool):
        return 0
    return entry.dim() if isinstance(entry, Tensor) and entry.dtype is torch.bool else 1
