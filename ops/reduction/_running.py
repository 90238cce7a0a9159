"""What cummax and cummin share: running extremes and their indices."""

from __future__ import annotations

from typing import Any

from torch import Tensor

from plugrad.core import Context


def keep(ctx: Context, found: Any, x: Tensor, dim: int) -> Any:
    """``found``, values and indices, after what the backward needs was saved."""
    ctx.save_for_backward(found.indices)
    ctx.x_shape, ctx.dim = tuple(x.shape), int(dim)
    ctx.set_materialize_grads(False)  # no zeros for the indices
    return found


def gradient(ctx: Context, gy: Tensor | None) -> Tensor | None:
    """The sum of the ``gy`` that each element gave."""
    (indices,) = ctx.saved_tensors
    if gy is None or not gy.numel():  # torch takes any dim of an empty tensor
        return gy
    return gy.new_zeros(ctx.x_shape).scatter_add(ctx.dim, indices, gy)
