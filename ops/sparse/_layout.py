"""Layouts of gradients: as that of what they are gradients of."""

from __future__ import annotations

import torch
from torch import Tensor

from plugrad.core import Context, Function
from plugrad.core.installed_torch import torch_before

#: How a tensor is laid out: its layout, and of blocks their size, of COO its sparse dimensions.
Form = tuple[torch.layout, "tuple[int, ...] | None", int]

_OF_BLOCKS = (torch.sparse_bsr, torch.sparse_bsc)
STRIDED: Form = (torch.strided, None, 0)
#: What torch raises for a vector that is to be compressed by rows.
TOO_FEW_DIMENSIONS: tuple[type[Exception], str] = (
    (RuntimeError, "number of sizes") if torch_before("2.8") else (IndexError, "range")
)


def form(x: Tensor) -> Form:
    """How ``x`` is laid out."""
    if x.layout is torch.strided:
        return STRIDED
    if x.layout is torch.sparse_coo:
        return x.layout, None, x.sparse_dim()
    blocks = tuple(x.values().shape[-2:]) if x.layout in _OF_BLOCKS else None
    return x.layout, blocks, x.dim() - x.dense_dim()


def dense(x: Tensor) -> Tensor:
    """``x`` with all its elements; a gradient of it is one of each."""
    return x if x.layout is torch.strided else x.to_dense(masked_grad=False)


def formed(x: Tensor, like: Form) -> Tensor:
    """``x`` in another form, the same numbers."""
    layout, blocks, dims = like
    if layout is torch.strided:
        return dense(x)
    if x.layout is layout:
        return x
    if x.layout is not torch.strided and layout is not torch.sparse_coo:
        x = dense(x)
    if layout is torch.sparse_coo:
        return x.to_sparse(dims) if x.layout is torch.strided else x.to_sparse()
    return x.to_sparse(layout=layout, blocksize=blocks)


class InAnotherLayout(Function):
    """An op that changes only how x is laid out; its forward notes ``ctx.form``."""

    @staticmethod
    def backward(ctx: Context, gy: Tensor) -> Tensor:
        """Gx = gy, in the layout of x."""
        return formed(gy, ctx.form)
