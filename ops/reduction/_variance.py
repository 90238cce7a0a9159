"""What var, std, var_mean and std_mean share: their arguments, and the gradient of var."""

from __future__ import annotations

from math import inf, nan
from typing import Any

import torch
from torch import Tensor

from plugrad.ops._number import number
from plugrad.ops.reduction._dims import Dim, count


def arguments(
    dim: Dim | bool, unbiased: bool | None, keepdim: bool, correction: float | None
) -> tuple[Dim, dict[str, Any]]:
    """The arguments of all calling forms in one: the dim, and the keyword arguments.

    ``x.var(False)`` is one of them: its only argument is not dim, but ``unbiased``.
    """
    if isinstance(dim, bool) and unbiased is None:
        dim, unbiased = None, dim
    options: dict[str, Any] = {"keepdim": keepdim, "correction": number(correction)}
    if isinstance(unbiased, bool) and correction is None:
        options["correction"] = int(unbiased)
    elif unbiased is not None:
        options["unbiased"] = unbiased  # it has no business here: torch says so
    return number(dim), options


def var_gradient(
    gy: Tensor, x: Tensor, dims: tuple[int, ...] | None, correction: float | None
) -> Tensor:
    """2 gy (x - mean) / (n - correction), for a ``gy`` that broadcasts against ``x``.

    Where n - correction is not positive there is no variance; what torch then says
    depends on whether dimensions were named.
    """
    freedom = count(x.shape, dims) - (1 if correction is None else correction)
    mean = x.mean(dims, True)
    if dims is None and freedom <= 0:
        return (gy * torch.where(x == mean, nan, inf)).to(x.dtype)
    return (2 / freedom if freedom else inf) * gy * (x - mean)


def std_gradient(
    gy: Tensor, x: Tensor, y: Tensor, dims: tuple[int, ...] | None, correction: float | None
) -> Tensor:
    """The gradient of y = sqrt(var), 0 where y = 0; ``gy`` and ``y`` broadcast against ``x``."""
    return var_gradient((gy / (2 * y)).masked_fill(y == 0, 0), x, dims, correction)
