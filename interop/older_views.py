"""A view that torch's code made of a tensor before that was a Variable: the ops that lead to it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import Tensor

    from plugrad.core.variable import Variable

_aten = torch.ops.aten


def view_of(tensor: Tensor, base: Variable, op: Callable[[Any], Any]) -> Variable:
    """The Variable for a view of ``base``, with ``tensor``, which is that view, as its data.

    Args:
        tensor: the view; its elements are those of the base, or the parts of complex numbers.
        base: what stands for the whole tensor.
        op: gives the op that stands for a primitive.
    """
    strided, conjugated = op(_aten.as_strided.default).apply, op(_aten._conj.default).apply
    view: Any = base
    if tensor.dtype is not base.dtype:
        if base._data.is_conj():
            view = conjugated(view)
        if base._data.is_complex():
            view = op(_aten.view_as_real.default).apply(view)
        else:
            pairs = [base._data.numel() // 2, 2]
            view = strided(view, pairs, [2, 1], base._data.storage_offset())
            view = op(_aten.view_as_complex.default).apply(view)
    view = strided(view, list(tensor.shape), list(tensor.stride()), tensor.storage_offset())
    if tensor.is_conj() != view._data.is_conj():
        view = conjugated(view)
    if tensor.is_neg() != view._data.is_neg():
        view = op(_aten._neg_view.default).apply(view)
    view._data = tensor
    return view  # type: ignore[no-any-return]
