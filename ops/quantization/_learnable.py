"""The gradients of fake quantization whose scale and zero_point are learned."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from plugrad.core import Context

REASON = (
    "rounding has no slope: the gradient goes straight through it, as in learned step size "
    "quantization, and grad_factor scales that of scale and zero_point"
)
NO_STEP = {"wrong-at-0[scale]": "a step of size 0 rounds to nothing"}


def gradients(
    ctx: Context, gy: Tensor, with_mask: Any, shape: list[int]
) -> tuple[Tensor | None, ...]:
    """The gradients of x, scale and zero_point; differentiated again, rounding is the identity.

    Args:
        ctx: of the call, with x, scale and zero_point saved, their bounds, and grad_factor.
        gy: that of y.
        with_mask: gives y and whether x was in range, from x, scale and the rounded zero_point.
        shape: that of scale, with a 1 for each dimension of x that has several of its elements.
    """
    x, scale, zero_point = ctx.saved_tensors
    need_gx, need_gs, need_gz = ctx.needs_input_grad[:3]
    parts = x.detach(), scale.detach().float(), rounded(zero_point, *ctx.bounds)
    y, mask = with_mask(*parts)
    g_scale = g_zero = None
    if need_gs:
        steps = _steps(y, mask, parts, ctx.bounds, shape)
        moved = _moved(zero_point, ctx.grad_factor).reshape(shape)
        g_scale = _summed(gy * (steps - moved * ~mask), ctx, shape, scale)
    if need_gz:
        own = parts[1] + _moved(scale, ctx.grad_factor)
        g_zero = _summed(-gy * ~mask * own.reshape(shape), ctx, shape, zero_point)
    return gy * mask if need_gx else None, g_scale, g_zero


def rounded(zero_point: Tensor, quant_min: int, quant_max: int) -> Tensor:
    """The zero_point that forward uses, a whole number in range."""
    return zero_point.detach().float().round().clamp(quant_min, quant_max)


def _steps(
    y: Tensor,
    mask: Tensor,
    parts: tuple[Tensor, Tensor, Tensor],
    bounds: tuple[int, int],
    shape: list[int],
) -> Tensor:
    """The slope of y in scale: what rounding added, and out of range the steps to the bound."""
    x, scale, zero = parts[0], parts[1].reshape(shape), parts[2].reshape(shape)
    to_bound = torch.where(x * scale < 0, bounds[0] - zero, bounds[1] - zero)
    return torch.where(mask, (y / scale).round() - x / scale, to_bound)


def _moved(t: Tensor, factor: float) -> Tensor:
    """Zeros whose derivative in ``t`` is ``factor``."""
    return (t - t.detach()).nan_to_num() * factor  # inf - inf is nan


def _summed(g: Tensor, ctx: Context, shape: list[int], like: Tensor) -> Tensor:
    return (g.sum_to_size(shape) * ctx.grad_factor).reshape(like.shape).to(like.dtype)


def reference(
    x: Tensor,
    scale: Tensor,
    zero_point: Tensor,
    bounds: tuple[int, int],
    factor: float,
    shape: list[int],
) -> Tensor:
    """What has these gradients, in torch's functions; in float64, for small ones to cancel."""
    scale = scale.detach().float().double() + _moved(scale.double(), factor)
    zero = rounded(zero_point, *bounds).double() + _moved(zero_point.double(), factor)
    scale, zero = scale.reshape(shape), zero.reshape(shape)
    steps = x / scale
    steps = steps + (steps.round() - steps).detach()
    low, high = (bound - zero for bound in bounds)
    steps = torch.where(steps < low, low, torch.where(steps > high, high, steps))
    return (steps * scale).to(x.dtype)
