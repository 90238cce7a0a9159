"""The gradients of a product of two matrices, which several ops share."""

from __future__ import annotations

import torch
from torch import Tensor, strided

from plugrad.core import conj


def column_major(x: Tensor) -> bool:
    """Whether a matrix is stored column by column, as a transposed one is."""
    try:
        return not x.is_contiguous() and x.layout is strided and x.mT.is_contiguous()
    except RuntimeError:  # a compressed sparse one does not say
        return False


def left_gradient(gz: Tensor, y: Tensor, columns: bool = False) -> Tensor:
    """The gradient of x in z = x y: gz y^H; column-major where x is."""
    if columns:
        return _product(conj(y), gz.mT).mT
    y = conj(y).mT
    return gz @ y if gz.layout is y.layout is strided else _of_sparse(gz, y)


def right_gradient(gz: Tensor, x: Tensor, columns: bool = False) -> Tensor:
    """The gradient of y in z = x y: x^H gz; column-major where y is."""
    if columns:
        return _product(gz.mT, conj(x)).mT
    x = conj(x).mT
    return x @ gz if x.layout is gz.layout is strided else _of_sparse(x, gz)


def _product(x: Tensor, y: Tensor) -> Tensor:
    return x @ y if x.layout is y.layout is strided else _of_sparse(x, y)


def _of_sparse(x: Tensor, y: Tensor) -> Tensor:
    """The product of two matrices, one or both of them sparse.

    Where its views are noted without its autograd around them, as they are while a rule runs,
    torch's kernel leaves that of two sparse ones empty, and counts that of a transposed one in
    compressed rows as a change of it.
    """
    if not isinstance(x, Tensor) or not isinstance(y, Tensor):
        return x @ y
    with torch._C._ExcludeDispatchKeyGuard(_NOTES):
        return x @ y


_NOTES = torch._C.DispatchKeySet(torch._C.DispatchKey.ADInplaceOrView)
