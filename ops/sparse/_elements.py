"""The elements that a sparse matrix has, as a row of numbers, and where they are.

Rules compute with that row alone: then they take memory by the elements there are, and a second
derivative meets no sparse tensor.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from plugrad.core import conj

_COMPRESSED = torch.ops.aten.sparse_compressed_tensor.comp_plain_value_size


def places(x: Tensor) -> tuple[Tensor, Tensor]:
    """The row and the column of each element of a matrix, COO, CSR or CSC."""
    x = x.detach()
    if x.layout is torch.sparse_coo:
        rows, columns = x.coalesce().indices()
        return rows, columns
    compressed, plain = _indices(x)
    line = torch.repeat_interleave(compressed.diff())
    return (plain.long(), line) if x.layout is torch.sparse_csc else (line, plain.long())


def _indices(x: Tensor) -> tuple[Tensor, Tensor]:
    if x.layout is torch.sparse_csc:
        return x.ccol_indices(), x.row_indices()
    return x.crow_indices(), x.col_indices()


def elements(x: Tensor) -> Tensor:
    """The elements that a matrix has."""
    return (x.coalesce() if x.layout is torch.sparse_coo else x).values()


def at(g: Tensor, x: Tensor) -> Tensor:
    """The elements of ``g``, a gradient, where ``x`` has some."""
    if g.layout is torch.strided:
        return g[places(x)]
    mask = x.detach()
    return elements(g.sparse_mask(mask.coalesce() if mask.layout is torch.sparse_coo else mask))


def like(values: Tensor, x: Tensor) -> Tensor:
    """A matrix, or COO tensor, that has these elements where ``x`` has its."""
    x = x.detach()
    if x.layout is torch.sparse_coo:
        options: Any = {"layout": x.layout, "device": x.device, "dtype": x.dtype}
        make = torch.ops.aten._sparse_coo_tensor_with_dims_and_tensors.default
        where = x.coalesce().indices()
        parts = x.sparse_dim(), x.dense_dim(), list(x.shape), where, values
        return make(*parts, is_coalesced=True, **options)
    return _COMPRESSED(*_indices(x), values, list(x.shape), layout=x.layout, dtype=x.dtype)


def product(values: Tensor, rows: Tensor, columns: Tensor, y: Tensor, size: int) -> Tensor:
    """The matrix with these elements, of ``size`` rows, times y."""
    made = y.new_zeros((size, y.shape[1]))
    return made.index_add(0, rows, values.unsqueeze(-1) * y[columns])


def left_gradient(g: Tensor, rows: Tensor, columns: Tensor, y: Tensor) -> Tensor:
    """The gradient of each element of x in x y, from the product's."""
    return (g[rows] * conj(y)[columns]).sum(-1)
