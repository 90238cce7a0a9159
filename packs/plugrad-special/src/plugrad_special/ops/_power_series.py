"""Power series: their coefficients, and Horner's rule."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence


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
    coefficients, term, k = [1.0], 1.0, 0
    while abs(term) > 1e-19:
        k += 1
        coefficients.append(coefficients[-1] / ratio(k))
        term *= largest / ratio(k)
    return coefficients


def power(x: Tensor, divisors: Iterable[int]) -> Tensor:
    """The product of all x / divisor: x^n / n! and such, of which neither overflows alone."""
    total = torch.ones_like(x)
    for divisor in divisors:
        total = total * (x / divisor)
    return total
