"""What the Bessel functions share: dtypes, power series, recurrence, the trapezoidal rule."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

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


def polynomial(coefficients: Sequence[float], x: Tensor) -> Tensor:
    """The sum of ``coefficients[k] x^k``, by Horner's rule."""
    total = torch.full_like(x, coefficients[-1])
    for coefficient in reversed(coefficients[:-1]):
        total = total * x + coefficient
    return total


def series(ratio: Callable[[int], float], largest: float) -> list[float]:
    """Coefficients c_k = c_(k-1) / ratio(k) of a power series from c_0 = 1.

    As many as float64 can see where the variable is at most ``largest`` in magnitude.
    """
    coefficients, k = [1.0], 0
    while abs(coefficients[-1]) * largest**k > 1e-19:
        k += 1
        coefficients.append(coefficients[-1] / ratio(k))
    return coefficients


def upward(
    first: Tensor, second: Tensor, n: int, following: Callable[[Tensor, Tensor, int], Tensor]
) -> Tensor:
    """Member n of a sequence of which f_0 and f_1 are given, and f_(k+1) is ``following``."""
    if n == 0:
        return first
    for k in range(1, n):
        first, second = second, following(first, second, k)
    return second


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
