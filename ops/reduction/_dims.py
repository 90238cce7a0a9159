"""What reductions share: which dimensions go, and how a gradient gets them back."""

from __future__ import annotations

from math import prod
from operator import index
from typing import TypeAlias

import torch
from torch import Tensor

#: A dim argument as torch takes it; None, and mostly the empty tuple too, mean all.
Dim: TypeAlias = int | tuple[int, ...] | list[int] | None


def normal_dims(x: Tensor, dim: Dim) -> tuple[int, ...] | None:
    """``dim`` as non-negative numbers; None where it means every dimension of ``x``."""
    if dim is None or not x.dim():
        return None
    dims = dim if isinstance(dim, tuple | list) else (dim,)
    return tuple([index(d) % x.dim() for d in dims]) or None


def count(shape: torch.Size, dims: tuple[int, ...] | None) -> int:
    """How many elements of a tensor of ``shape`` go into each one of the result."""
    return shape.numel() if dims is None else prod(shape[d] for d in dims)


def unreduced(y: Tensor, shape: torch.Size, dims: tuple[int, ...] | None) -> Tensor:
    """A result, or its gradient, so that it broadcasts against the input of ``shape``.

    The reduced dimensions come back with size 1, unless ``keepdim`` has kept them; where
    all were reduced, a 0-dimensional tensor does as well.
    """
    if dims is None:
        return y
    return y.reshape([1 if d in dims else n for d, n in enumerate(shape)])


def cast(gx: Tensor, dtype: torch.dtype) -> Tensor:
    """The gradient of an input that ``dtype=`` had cast: of a real input, the real part."""
    if gx.dtype.is_complex and not dtype.is_complex:
        gx = gx.real
    return gx if gx.dtype is dtype else gx.to(dtype)


def mean_gradient(gy: Tensor, shape: torch.Size, dims: tuple[int, ...] | None) -> Tensor:
    """The gradient of the mean: gy / n for each of the n elements."""
    return (unreduced(gy, shape, dims) / (count(shape, dims) or 1)).expand(shape)
