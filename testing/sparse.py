"""Sparse tensors in a call: laws see all elements of its outputs, and the values of its inputs.

So a law compares, moves and differentiates plain tensors only. The op under test is called with
sparse tensors, and its rule gets a cotangent of all elements, which a rule must take.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

_COO = torch.ops.aten._sparse_coo_tensor_with_dims_and_tensors.default
_COMPRESSED = torch.ops.aten.sparse_compressed_tensor.comp_plain_value_size


def is_sparse(value: Any) -> bool:
    """Whether a value, of an engine's or a tensor, is in a sparse layout."""
    return getattr(value, "layout", torch.strided) is not torch.strided


def seen(output: Any) -> Any:
    """An output as laws see it: all elements of a sparse one."""
    return output.to_dense(masked_grad=False) if is_sparse(output) else output


def parts(tensor: Tensor) -> tuple[Tensor, ...]:
    """The plain tensors that a tensor is made of: itself, or its elements and their places."""
    if tensor.layout is torch.strided:
        return (tensor,)
    if tensor.layout is torch.sparse_coo:
        return tensor._values(), tensor._indices()
    return tensor.values(), *_compressed(tensor)


def _compressed(tensor: Tensor) -> tuple[Tensor, Tensor]:
    """Where a compressed tensor has elements, as torch keeps it."""
    if tensor.layout in (torch.sparse_csr, torch.sparse_bsr):
        return tensor.crow_indices(), tensor.col_indices()
    return tensor.ccol_indices(), tensor.row_indices()


def place(tensor: Tensor) -> tuple[Any, ...]:
    """A tensor's memory and layout: the same for two that share all of their elements.

    A sparse one is where its elements are, which is what laws see of an input.
    """
    elements = parts(tensor)[0]
    return elements.data_ptr(), elements.shape, elements.stride(), elements.dtype


class Pattern:
    """Where a sparse tensor has elements.

    Args:
        tensor: the tensor; a COO one is coalesced.
    """

    def __init__(self, tensor: Tensor) -> None:
        self.tensor = tensor.coalesce() if tensor.layout is torch.sparse_coo else tensor
        self.values = self.tensor.values().clone()

    def filled(self, values: Any) -> Any:
        """The tensor, or an engine's value, that has these values there."""
        t = self.tensor
        if values.shape != self.values.shape:  # torch's kernels would read beyond them
            raise RuntimeError(f"{values.shape} are not the elements of this sparse tensor")
        size, options = list(t.shape), {"dtype": values.dtype, "layout": t.layout}
        if t.layout is torch.sparse_coo:
            parts = t.sparse_dim(), t.dense_dim(), size, t.indices(), values
            return _COO(*parts, device=t.device, is_coalesced=True, **options)
        return _COMPRESSED(*_compressed(t), values, size, **options)

    def of(self, gradient: Any) -> Any:
        """The elements there of a gradient of the tensor, which may be of all elements."""
        if not isinstance(gradient, Tensor):
            return gradient
        dense = gradient.to_dense() if is_sparse(gradient) else gradient
        mask = self.tensor.to(dense.dtype)
        return dense.sparse_mask(mask).values()
