"""Derivatives in x, of any order, of the Hurwitz zeta function, by Euler-Maclaurin summation.

With A = q + N (DLMF 2.10.1 for t^-x; Johansson, Numer. Algorithms 69, 2015),

    zeta(x, q) = sum_{k<N} (q+k)^-x
                 + A^-x (A / (x-1) + 1/2 + sum_j B_2j / (2j)! (x)_{2j-1} A^(1-2j)).

The sum is differentiated term by term. The rest is computed with x + e for x, as a power
series in e up to the order wanted: a list of its coefficients, here called a jet.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import torch
from torch import Tensor

if TYPE_CHECKING:
    from collections.abc import Iterator

_DIRECT = 12
#: B_2j / (2j)!.
_COEFFICIENTS = (
    1 / 12,
    -1 / 720,
    1 / 30240,
    -1 / 1209600,
    1 / 47900160,
    -691 / 1307674368000,
    1 / 74724249600,
    -3617 / 10670622842880000,
    43867 / 5109094217170944000,
    -174611 / 802857662698291200000,
    77683 / 14101100039391805440000,
    -236364091 / 1693824136731743669452800000,
)
#: Beyond it A^-x is 0 whatever q is, and the powers of x would overflow.
_X_MAX = 1000.0


def zeta_derivative(x: Tensor | float, q: Tensor | float, n: int) -> Tensor:
    """d^n/dx^n zeta(x, q) for n >= 1; nan outside x >= 1, q >= 0, and where zeta is."""
    value = torch.special.zeta(x, q)  # it also says which dtypes there are, and what of them
    wide = torch.float64
    s = torch.as_tensor(x, dtype=wide, device=value.device).expand(value.shape)
    start = torch.as_tensor(q, dtype=wide, device=value.device).expand(value.shape)
    edge = _at_edge(s, start, n)
    inside = (s > 1) & (start > 0) & torch.isfinite(s) & torch.isfinite(start)
    s, start = torch.where(inside, s, 2.0), torch.where(inside, start, 1.0)
    total = torch.zeros_like(s)
    for k in range(_DIRECT):
        total += _term(s, start + k, n)
    total += _rest(s, start + _DIRECT, n)
    total = torch.where(inside, total, edge)
    return torch.where(torch.isnan(value), math.nan, total).to(value.dtype)


def _at_edge(x: Tensor, q: Tensor, n: int) -> Tensor:
    """At the poles x = 1 and q = 0, and at x = inf where each term is 0 or inf."""
    first = torch.where((q < 1) | (x < math.inf), math.inf, 0.0)
    edge = torch.where(x == 1, (-1) ** n * math.inf, first)
    return torch.where((x >= 1) & (q >= 0), edge, math.nan)


def _term(x: Tensor, b: Tensor, n: int) -> Tensor:
    """d^n/dx^n b^-x."""
    return (-b.log()) ** n * b**-x


def _rest(x: Tensor, a: Tensor, n: int) -> Tensor:
    """The n-th derivative of what follows the first sum."""
    log = a.log()
    total = torch.zeros_like(x)
    for m, coefficient in enumerate(_series(x.clamp(max=_X_MAX), a, n)):
        # The jet of A^(1-x-e) is A^(1-x) e^(-e ln A).
        total += coefficient * (-log) ** (n - m)
    return a ** (1 - x) * total


def _series(x: Tensor, a: Tensor, n: int) -> list[Tensor]:
    """The jet of what stands in the brackets, over A; its m-th coefficient times n! / (n-m)!.

    The factor is in it since n! alone may be beyond float64.
    """
    total = [1 / (x - 1)]
    for m in range(n):
        total.append(-(n - m) / (x - 1) * total[m])
    total[0] = total[0] + 0.5 / a
    # (x+e)_(2j-1) has no higher powers of e.
    highest = min(n, 2 * len(_COEFFICIENTS) - 1)
    for coefficient, rising in zip(_COEFFICIENTS, _rising(x, a, highest), strict=True):
        for m in range(highest + 1):
            total[m] += coefficient * float(math.perm(n, m)) * rising[m]
    return total


def _rising(x: Tensor, a: Tensor, n: int) -> Iterator[list[Tensor]]:
    """The jets of (x)_{2j-1} A^(-2j) for j = 1, 2, ..."""
    jet = _times([1 / a**2] + [torch.zeros_like(x)] * n, x)
    for j in range(len(_COEFFICIENTS)):
        yield jet
        jet = _times(_times(jet, x + (2 * j + 1)), x + (2 * j + 2))
        jet = [c / a**2 for c in jet]


def _times(jet: list[Tensor], constant: Tensor) -> list[Tensor]:
    """The product with ``constant`` + e."""
    before = [torch.zeros_like(constant), *jet[:-1]]
    return [c * constant + b for c, b in zip(jet, before, strict=True)]
