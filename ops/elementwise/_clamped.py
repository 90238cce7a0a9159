"""The gradients of clamp: what goes to whom at a tie, by torch's version."""

from __future__ import annotations

import operator
from collections.abc import Callable
from numbers import Number
from typing import Any

import torch

from plugrad.core.installed_torch import torch_before

_Gradients = tuple[Any, Any, Any]


def _before_2_14(gy: Any, x: Any, low: Any, high: Any, needed: tuple[bool, ...]) -> _Gradients:
    """At a tie x gets all of gy."""
    need_gx, need_glow, need_ghigh = needed
    gx = torch.where(_inside(x, low, high, operator.le), gy, 0) if need_gx else None
    glow = ghigh = None
    if need_glow:
        below = x < low if high is None else (x < low) & (low < high)
        glow = torch.where(below, gy, 0)
    if need_ghigh:
        above = x > high if low is None else (x > high) | (low > high)
        ghigh = torch.where(above, gy, 0)
    return gx, glow, ghigh


def _since_2_14(gy: Any, x: Any, low: Any, high: Any, needed: tuple[bool, ...]) -> _Gradients:
    """At a tie x gets none of gy if the bound is a number; else both get half."""
    need_gx, need_glow, need_ghigh = needed
    has_number = isinstance(low, Number) or isinstance(high, Number)
    if has_number and not need_glow and not need_ghigh:
        return torch.where(_inside(x, low, high, operator.lt), gy, 0), None, None
    if low is None:
        return _of_smaller(gy, x, high, need_gx), None, _of_smaller(gy, high, x, need_ghigh)
    if high is None:
        return _of_smaller(gy, low, x, need_gx), _of_smaller(gy, x, low, need_glow), None
    proper, half = low < high, gy / 2
    gx = glow = ghigh = None
    if need_gx:
        tie = ((x == low) | (x == high)) & proper
        gx = torch.where((x < low) | (x > high), 0, torch.where(tie, half, gy))
    if need_glow:
        below = torch.where((x < low) & (low <= high), gy, 0)
        glow = torch.where((x == low) & proper, half, below)
    if need_ghigh:
        beyond = ((x > high) & (low <= high)) | (low > high)
        ghigh = torch.where((x == high) & proper, half, torch.where(beyond, gy, 0))
    return gx, glow, ghigh


def _inside(x: Any, low: Any, high: Any, before: Callable[[Any, Any], Any]) -> Any:
    if low is None:
        return before(x, high)
    return before(low, x) if high is None else before(low, x) & before(x, high)


def _of_smaller(gy: Any, one: Any, other: Any, needed: bool) -> Any:
    """Return gy where one is the smaller or either is nan, half of it at a tie, else 0."""
    if not needed:
        return None
    return torch.where(one > other, 0, torch.where(one == other, gy / 2, gy))


#: Whether torch halves the gradient at a tie.
HALVES_TIES = not torch_before("2.14")
gradients = _since_2_14 if HALVES_TIES else _before_2_14
