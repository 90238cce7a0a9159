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
    return gz @ conj(y).mT


def right_gradient(gz: Tensor, x: Tensor, columns: bool = False) -> Tensor:
    """The gradient of y in z = x y: x^H gz; column-major where y is."""
    if columns:
        return (gz.mT @ conj(x)).mT
    return conj(x).mT @ gz
