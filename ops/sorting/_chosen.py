"""What sort, topk and their kin share: values that were chosen along a dimension, and where."""

from __future__ import annotations

from typing import Any

from torch import Tensor

from plugrad.core import Context


def keep(ctx: Context, chosen: Any, x: Tensor, dim: int, keepdim: bool = True) -> Any:
    """``chosen``, values and indices, after what the backward needs was saved."""
    ctx.save_for_backward(chosen.indices)
    ctx.x_shape, ctx.dim, ctx.keepdim = tuple(x.shape), int(dim), bool(keepdim)
    ctx.set_materialize_grads(False)  # no zeros for the indices
    return chosen


def gradient(ctx: Context, gy: Tensor | None) -> Tensor | None:
    """Zeros, with ``gy`` where the values were."""
    (indices,) = ctx.saved_tensors
    if gy is None:
        return None
    if ctx.x_shape and not ctx.keepdim:
        gy, indices = gy.unsqueeze(ctx.dim), indices.unsqueeze(ctx.dim)
    # One zero expanded: scatter itself makes the copy that it fills.
    return gy.new_zeros(()).expand(ctx.x_shape).scatter(ctx.dim, indices, gy)
