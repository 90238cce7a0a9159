"""torch's grouping of tensors by device and dtype, on Variables: clip_grad_norm_ and foreach=True.

It is written in C, and takes lists of real tensors. So the Python function that calls it
gets a second line, for what C does not take; tensors never reach that line. Besides
``torch.autograd.Function.apply``, this is all that is changed in torch
(docs/decisions/0014).
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import torch
from torch.utils import _foreach_utils

from plugrad.core.variable import Variable

if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import CodeType

_torchs: Any = _foreach_utils._group_tensors_by_device_and_dtype
_torchs = getattr(_torchs, "__wrapped__", _torchs)  # below its no_grad
_TORCHS_CODE: CodeType = _torchs.__code__


def group_variables(enabled: bool = True) -> None:
    """Let torch's foreach functions group Variables; or give torch its own code back."""
    on = enabled and os.environ.get("PLUGRAD_ADOPT") != "0"
    _torchs.__code__ = _group.__code__ if on else _TORCHS_CODE


def _group(tensorlistlist: Any, with_indices: bool = False) -> Any:
    """What torch's function runs, with its globals: hence the import."""
    # Of what it does not take, C says all the numbers: that takes longer than a training step. And
    # of isinstance torch's own code gets the answer that a Variable is a tensor.
    first = tensorlistlist[0][0] if tensorlistlist and tensorlistlist[0] else None
    if first is None or issubclass(type(first), torch.Tensor):
        try:
            return torch._C._group_tensors_by_device_and_dtype(tensorlistlist, with_indices)
        except TypeError:  # there may be Variables further on
            pass
    from plugrad.interop.foreach import grouped

    result = grouped(tensorlistlist, with_indices)
    if result is None:
        return torch._C._group_tensors_by_device_and_dtype(tensorlistlist, with_indices)
    return result


def grouped(
    lists: Sequence[Sequence[Any]], with_indices: bool
) -> dict[tuple[torch.device, torch.dtype], tuple[list[list[Any]], list[int]]] | None:
    """The lists grouped by device and dtype of the first one's elements; None without Variables.

    As in torch, the indices that they had come with them, if wanted.
    """
    if not any(isinstance(element, Variable) for each in lists for element in each):
        return None
    groups: dict[tuple[torch.device, torch.dtype], tuple[list[list[Any]], list[int]]] = {}
    for index, first in enumerate(lists[0]):
        key = first.device, first.dtype
        if key not in groups:
            groups[key] = [[] for _ in lists], []
        parts, indices = groups[key]
        for part, each in zip(parts, lists, strict=True):
            if each:  # an optimizer's state that it does not use is an empty list
                part.append(each[index])
        if with_indices:
            indices.append(index)
    return groups
