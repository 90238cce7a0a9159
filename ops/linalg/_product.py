"""The gradients of a product of two matrices, which several ops share."""

from __future__ import annotations

import torch
from torch import Tensor

from plugrad.core import conj


def column_major(x: Tensor) -> bool:
    """Whether a matrix is stored column by column, as a transposed one is."""
    return x.layout is torch.strided and not x.is_contiguous() and x.mT.is_contiguous()


def left_gradient(gz: Tensor, y: Tensor, columns: bool = False) -> Tensor:
    """The gradient of x in z = x y: gz y^H; column-major where x is."""
    if columns:
        return (conj(y) @ gz.mT).mT
    return gz @ conj(y).mT if gz.layout is torch.strided else _of_sparse(gz, conj(y).mT)


def right_gradient(gz: Tensor, x: Tensor, columns: bool = False) -> Tensor:
    """The gradient of y in z = x y: x^H gz; column-major where y is."""
    if columns:
        return (gz.mT @ conj(x)).mT
    return conj(x).mT @ gz if gz.layout is torch.strided else _of_sparse(conj(x).mT, gz)


def _of_sparse(x: Tensor, y: Tensor) -> Tensor:
    """The product of two sparse matrices.

    torch's kernel leaves it empty where its views are noted without its autograd around them,
    as they are while a rule runs.
    """
    if not isinstance(x, Tensor):
        return x @ y
    with torch._C._ExcludeDispatchKeyGuard(_NOTES):
        return x @ y


_NOTES = torch._C.DispatchKeySet(torch._C.DispatchKey.ADInplaceOrView)
