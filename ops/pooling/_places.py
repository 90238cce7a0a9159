"""What max pooling and its kin share: each output is one element of x, at a known place."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from plugrad.core import Context
from plugrad.ops._possibly import possibly
from plugrad.ops._sizes import Sizes, sizes


def gathered(x: Tensor, places: Tensor, dims: int) -> Tensor:
    """The elements of ``x`` at ``places``, which count through its last ``dims`` dimensions."""
    return x.flatten(-dims).gather(-1, places.flatten(-dims)).view(places.shape)


def max_pool(
    ctx: Context,
    kernel: Callable[..., tuple[Tensor, Tensor]],
    x: Tensor,
    kernel_size: Sizes,
    stride: Sizes | None,
    padding: Sizes,
    dilation: Sizes,
    ceil_mode: bool,
    dims: int,
) -> tuple[Tensor, Tensor]:
    """The maxima and their places; kept for backward are the latter and x, for its shape."""
    stride = () if stride is None else stride
    y, places = kernel(x, kernel_size, stride, padding, dilation, ceil_mode)
    window = [sizes(value, dims) for value in (kernel_size, stride, padding, dilation)]
    window[1] = window[1] or window[0]
    ctx.save_for_backward(x, places)
    ctx.mark_non_differentiable(places)
    ctx.window = (*window, bool(ceil_mode))
    ctx.empty = ()
    if max(window[3]) > 1:
        axes = zip(x.shape[-dims:], y.shape[-dims:], *window, strict=True)
        empty = tuple(_empty_windows(*axis) for axis in axes)
        ctx.empty = empty if any(map(any, empty)) else ()
    return y, places


def _empty_windows(
    x_size: int, y_size: int, kernel: int, stride: int, padding: int, dilation: int
) -> tuple[bool, ...]:
    """Which windows have no element of x between those of the padding."""
    starts = [n * stride - padding for n in range(y_size)]
    reach = range(0, kernel * dilation, dilation)
    return tuple(all(not 0 <= start + step < x_size for step in reach) for start in starts)


def without_empty(ctx: Context, gy: Tensor, places: Tensor) -> tuple[Tensor, Tensor]:
    """``gy`` without the windows that are all padding: torch names a place outside of x there."""
    if not ctx.empty:
        return gy, places
    mask = places.new_zeros((), dtype=torch.bool)
    for empty in ctx.empty:
        mask = mask.unsqueeze(-1).logical_or(torch.tensor(empty, device=places.device))
    return gy.masked_fill(mask, 0.0), places.masked_fill(mask, 0)


def adaptive_max_pool(
    ctx: Context, kernel: Callable[..., tuple[Tensor, Tensor]], x: Tensor, output_size: object
) -> tuple[Tensor, Tensor]:
    """The same, where the size of the output says what the windows are."""
    y, places = kernel(x, output_size)
    ctx.save_for_backward(x, places)
    ctx.mark_non_differentiable(places)
    return y, places


def shared(places: Tensor, y: Tensor, dims: int) -> bool:
    """Whether several elements were put at one place of ``y``; maybe, where asking would wait."""
    at = places.flatten(-dims)
    if at.device.type != "cpu":
        return True
    counts = at.new_zeros(y.flatten(-dims).shape).scatter_add(-1, at, torch.ones_like(at))
    return possibly(counts > 1, True)


def winners(x: Tensor, places: Tensor, y: Tensor, dims: int) -> Tensor:
    """Which elements of ``x`` are in ``y``: of several for one place the last that is the same."""
    flat_x, at, flat_y = x.flatten(-dims), places.flatten(-dims), y.flatten(-dims)
    seen = flat_y.gather(-1, at)
    there = (seen == flat_x).logical_or(seen.isnan().logical_and(flat_x.isnan()))
    order = torch.arange(1, at.shape[-1] + 1, device=at.device) * there
    last = at.new_zeros(flat_y.shape).scatter_reduce(-1, at, order, "amax").gather(-1, at)
    return (order == last).logical_and(there).view(x.shape)
