"""What max, min, amax and amin share."""

from __future__ import annotations

from collections.abc import Callable
from operator import index
from typing import Any

import torch
from torch import Tensor

from plugrad.core import Context
from plugrad.ops.reduction._dims import unreduced

#: lt for max, gt for min.
Loses = Callable[[Any, Any], Any]


def forward(
    ctx: Context,
    extremum: Callable[..., Any],
    x: Tensor,
    y: Tensor | int | None,
    keepdim: bool | None,
    dim: int | None,
) -> Any:
    """torch.max or torch.min: of all, of a pair with the tensor ``y``, or along a dim.

    A tensor is a dim if it is called so, or if keepdim is given.
    """
    if dim is not None or (keepdim is not None and isinstance(y, Tensor)):
        y = index(y if dim is None else dim)  # type: ignore[arg-type]
    keepdim = bool(keepdim)
    if y is None and not keepdim:
        z = extremum(x)
        ctx.save_for_backward(x, z)
        ctx.form = "all"
        return z
    if isinstance(y, Tensor):
        ctx.save_for_backward(x, y)
        ctx.form = "pair"
        return extremum(x, y)
    chosen = extremum(x, y, keepdim)
    ctx.save_for_backward(chosen.indices)
    ctx.form, ctx.dim, ctx.x_shape = "dim", y, x.shape
    ctx.set_materialize_grads(False)  # no zeros for the indices
    return chosen


def backward(ctx: Context, gz: Tensor, loses: Loses) -> Any:
    """The gradients of either."""
    if ctx.form == "all":
        return _of_the_extreme(gz, *ctx.saved_tensors)
    if ctx.form == "pair":
        return _of_the_pair(ctx, gz, loses)
    (places,) = ctx.saved_tensors
    shape = ctx.x_shape
    if len(shape):
        dims = (ctx.dim % len(shape),)
        gz, places = unreduced(gz, shape, dims), unreduced(places, shape, dims)
    return gz.new_zeros(shape).scatter(ctx.dim, places, gz)


def shared(gy: Tensor, x: Tensor, y: Tensor, dims: tuple[int, ...] | None) -> Tensor:
    """Give gy in equal parts to all elements of ``x`` that tie for being the extreme ``y``."""
    gy, y = unreduced(gy, x.shape, dims), unreduced(y, x.shape, dims)
    extreme = x == y
    return gy * extreme / extreme.sum(dims, True)


def _of_the_extreme(gz: Tensor, x: Tensor, z: Tensor) -> Tensor:
    extreme = (x == z).logical_or(x.isnan().logical_and(z.isnan()))
    return torch.where(extreme, gz / extreme.sum(), 0.0)


def _of_the_pair(ctx: Context, gz: Tensor, loses: Loses) -> tuple[Tensor | None, Tensor | None]:
    x, y = ctx.saved_tensors
    need_gx, need_gy, _ = ctx.needs_input_grad
    half = torch.where(x == y, gz / 2, gz)
    gx = half.masked_fill(loses(x, y), 0) if need_gx else None
    gy = half.masked_fill(loses(y, x), 0) if need_gy else None
    return gx, gy
