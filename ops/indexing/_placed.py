"""placed: the adjoint of indexing, which nearly every rule here ends in."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from torch.overrides import handle_torch_function, has_torch_function_unary

from plugrad.ops._mapped import in_a_map, mapped_as
from plugrad.ops.indexing._put import put


def placed(
    x: Tensor, shape: Sequence[int], view: tuple[Any, ...], *tensors: Tensor | None
) -> Tensor:
    """Zeros of ``shape`` with ``x`` added at ``[view][tensors]``.

    A torch function like torch's own ones in Python, so that a rule can call it on a
    tensor and on a Variable, where it becomes the op getitem_backward.

    Args:
        x: what to add.
        shape: of the result.
        view: an index of integers, slices, None and Ellipsis.
        tensors: an index tensor, or None for all, for each dimension of that view; an
            element they name twice gets both; none at all mean the whole view.
    """
    if has_torch_function_unary(x):
        return handle_torch_function(placed, (x,), x, shape, view, *tensors)
    mapped = bool(tensors) and in_a_map(x, *tensors)
    if mapped:
        x = mapped_as(x, *tensors)
    y = x.new_zeros(shape)
    if not tensors:
        y[view] = x
        return y
    # A mask names no element twice, and without adding it takes a quicker kernel.
    repeats = any(t is not None and t.dtype is not torch.bool for t in tensors)
    place = y[view]
    if mapped:
        place.copy_(put(place, tensors, x, repeats))
    else:
        torch.ops.aten.index_put_.default(place, list(tensors), x, repeats)
    return y
