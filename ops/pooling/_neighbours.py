"""The neighbours of a point along one axis of a grid: places, weights and derivatives of these."""

from __future__ import annotations

import torch
from torch import Tensor

BILINEAR, NEAREST, BICUBIC = range(3)


ZEROS, BORDER, REFLECTION = range(3)


_A = -0.75  # torch's cubic


Axis = tuple[list[Tensor], list[Tensor], list[list[Tensor]]]


def along_axis(u: Tensor, size: int, mode: int, padding: int, align_corners: bool) -> Axis:
    """The neighbours along one axis: places, which are outside, weights and two derivatives."""
    slope: Tensor | float = (size - 1) / 2 if align_corners else size / 2
    u = (u + 1) * slope - (0.0 if align_corners else 0.5)
    u = torch.where(u.isfinite(), u, -9.0)  # outside, where no weight depends on it
    if mode != BICUBIC:
        u, sign = _inside(u, size, padding, align_corners)
        slope = sign * slope
    if mode == NEAREST:
        at, weights = [u.round()], [[torch.ones_like(u)], *[[torch.zeros_like(u)]] * 2]
    else:
        first = u.floor()
        offsets = range(2) if mode == BILINEAR else range(-1, 3)
        at = [first + offset for offset in offsets]
        weights = (_linear if mode == BILINEAR else _cubic)(u - first)
    if mode == BICUBIC:
        at = [_inside(tap, size, padding, align_corners)[0] for tap in at]
    outside = [(tap < 0).logical_or(tap > size - 1) for tap in at]
    scaled = [[w * slope**order for w in ws] for order, ws in enumerate(weights)]
    return [tap.detach().clamp(0, size - 1).long() for tap in at], outside, scaled


def _inside(u: Tensor, size: int, padding: int, align_corners: bool) -> tuple[Tensor, Tensor]:
    """``u`` moved inside of x, and the derivative of that: 1, -1 or 0."""
    sign = torch.ones_like(u)
    if padding == REFLECTION:
        low, span = (0.0, size - 1.0) if align_corners else (-0.5, float(size))
        if span == 0:
            return u * 0, sign * 0
        distance = (u - low).abs()
        flips = (distance / span).floor()
        odd = flips - 2 * (flips / 2).floor()  # 1 where it goes back
        rest = distance - flips * span
        sign = torch.where(u < low, -sign, sign) * (1 - 2 * odd)
        u = low + rest + odd * (span - 2 * rest)
    if padding != ZEROS:
        sign = sign * (u > 0).logical_and(u < size - 1)
        u = u.clamp(0, size - 1)
    return u, sign


def _linear(t: Tensor) -> list[list[Tensor]]:
    one, zero = torch.ones_like(t), torch.zeros_like(t)
    return [[1 - t, t], [-one, one], [zero, zero]]


def _cubic(t: Tensor) -> list[list[Tensor]]:
    def near(x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        a, b = _A + 2, _A + 3
        return (a * x - b) * x * x + 1, (3 * a * x - 2 * b) * x, 6 * a * x - 2 * b

    def far(x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        value = ((x - 5) * x + 8) * x - 4
        return _A * value, _A * ((3 * x - 10) * x + 8), _A * (6 * x - 10)

    before, after = (far(t + 1), near(t)), (near(1 - t), far(2 - t))
    signs = (1, -1, 1)  # what comes after is further away the smaller t is
    return [
        [*(taps[n] for taps in before), *(sign * taps[n] for taps in after)]
        for n, sign in enumerate(signs)
    ]
