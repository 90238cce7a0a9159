"""What the Bessel functions share: dtypes, recurrence, the trapezoidal rule."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence


def in_double(function: Callable[[Tensor], Tensor], x: Tensor) -> Tensor:
    """``function`` of x, computed in float64, in the dtype that torch's Bessel kernels give.

    They take float32 and float64, make integers the default dtype, and refuse the rest.
    """
    dtype = torch.special.bessel_j0(x.new_empty(0)).dtype
    if x.numel() <= _BLOCK:
        return function(x.to(torch.float64)).to(dtype)
    parts = torch.split(x.flatten(), _BLOCK)
    values = torch.cat([function(part.to(torch.float64)) for part in parts])
    return torch.empty_like(x, dtype=dtype).copy_(values.view(x.shape))


#: Larger tensors are evaluated in parts of this size: for each number an integral has dozens.
_BLOCK = 2**12


def where_k1_is_finite(x: Any) -> Any:
    """A tensor or Variable x, but 0 where 1/x overflows: of 5e-324 torch's K_1 is nan, of 0 inf."""
    too_small = (x >= 0) & (x <= torch.finfo(x.dtype).tiny / 4)
    # Not where(too_small, 0.0, x), through which no further derivative would pass.
    return x - torch.where(too_small, x.detach(), 0.0)


def upward(
    first: Tensor, second: Tensor, n: int, following: Callable[[Tensor, Tensor, int], Tensor]
) -> Tensor:
    """Member n of a sequence of which f_0 and f_1 are given, and f_(k+1) is ``following``."""
    if n == 0:
        return first
    for k in range(1, n):
        first, second = second, following(first, second, k)
    return second


def oscillating(x: Tensor, n: int, first: Tensor, second: Tensor, shift: int) -> Tensor:
    """f_n(x) of f_(k+1) = (2k + shift)/x f_k - f_(k-1), from f_0 and f_1; for x of 2 and more.

    Upward it loses no digits while k <= x. From there on f falls, and upward all would be lost:
    f_k / f_(k-1) = x / (2k + shift - x f_(k+1) / f_k) goes downward, from so far above that
    nothing is left of the error at the start (Gautschi, SIAM Review 9, 1967).
    """
    reached = upward(
        first,
        second,
        n,
        lambda a, b, k: torch.where(k + 1 <= x, (2 * k + shift) / x * b - a, b),
    )
    product, ratio = torch.ones_like(x), torch.zeros_like(x)
    for k in range(n + 8 + math.ceil(8 * n ** (1 / 3)) if n > 2 else 0, 2, -1):
        beyond = k > x
        ratio = torch.where(beyond, x / (2 * k + shift - x * ratio), 0.0)
        if k <= n:
            product = torch.where(beyond, product * ratio, product)
    return reached * product


def odd_or_even(values: Tensor, x: Tensor, n: int) -> Tensor:
    """A function of |x| as one of x that is odd or even as n is."""
    return torch.where(x < 0, -values, values) if n % 2 else values


def trapezoid(step: float, end: float) -> tuple[list[float], list[float]]:
    """Nodes v and weights of the trapezoidal rule for even functions of v, from 0 to ``end``.

    Of an integrand with exp(-v^2) that is analytic in a strip around the real line it gives
    all digits with few nodes: Trefethen and Weideman, SIAM Review 56 (2014), section 5.
    """
    count = math.ceil(end / step)
    return [k * step for k in range(count + 1)], [step / 2] + [step] * count


def integrals(
    integrands: Callable[[Tensor], Sequence[Tensor]],
    rule: tuple[Sequence[float], Sequence[float]],
    x: Tensor,
) -> list[Tensor]:
    """The sums over a rule's nodes of functions that are elementwise in x.

    Args:
        integrands: from nodes, along a new first dimension, to values.
        rule: nodes and weights.
        x: what else the integrands depend on.
    """
    shape = (-1, *(1 for _ in x.shape))
    nodes, weights = (torch.tensor(p, dtype=x.dtype, device=x.device).view(shape) for p in rule)
    return [(weights * values).sum(0) for values in integrands(nodes)]
