"""What weight_norm's kernel and its backward share."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from plugrad.errors import ArgumentError

#: Why a fault of the dimension changes nothing.
SHAPE_SAYS = "the norms' shape says which dimension it is, and forward takes no other"


def check_norms(v: Tensor, g: Tensor, dim: int, *like_v: Tensor) -> None:
    """Raise ArgumentError for shapes that do not fit, or of nothing: the kernels do not look."""
    shape = [n if d == dim else 1 for d, n in enumerate(v.shape)]
    fits = list(g.shape) == shape and all(t.shape == v.shape for t in like_v)
    if not (fits and v.numel()):
        raise ArgumentError(
            f"weight_norm got a weight of shape {tuple(v.shape)} and norms of shape "
            f"{tuple(g.shape)} for dimension {dim}",
            where="a call of weight_norm_interface",
            fix=f"give a weight with elements, and norms of shape {tuple(shape)}",
        )


def norms(v: Any, dim: int, like: Tensor) -> Tensor:
    """The norms of ``v`` in functions that record, as the kernel gave ``like``."""
    others = [d for d in range(v.dim()) if d != dim]
    # No dimensions stand for all of them.
    found: Tensor = torch.linalg.vector_norm(v, 2, others, True) if others else v.abs()
    return found.to(like.dtype)


def sum_over(x: Tensor, dims: list[int]) -> Tensor:
    """The sums over ``dims``, which are kept; no dimensions stand for none, unlike in torch."""
    return x.sum(dims, True) if dims else x
