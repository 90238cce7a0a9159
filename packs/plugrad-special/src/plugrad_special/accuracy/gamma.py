"""The Hurwitz zeta function and the incomplete gamma functions.

Forward is torch's; the derivatives are taken as users take them, with plugrad.grad.
"""

from __future__ import annotations

import math
from functools import cache, partial
from typing import TYPE_CHECKING, Any

import mpmath
import torch
from torch import Tensor

import plugrad
from plugrad_special import _gamma_reference
from plugrad_special.accuracy.row import Row

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    Points = list[tuple[float, ...]]
    Exact = Callable[[float, float, int, int], mpmath.mpf]

_COUNT = 120
_DIGITS = 50


# --- points --------------------------------------------------------------------------


def _between(low: float, high: float, seed: int) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.rand(_COUNT, generator=generator, dtype=torch.float64) * (high - low) + low


def _points(first: Tensor, second: Tensor) -> Points:
    return list(zip(first.tolist(), second.tolist(), strict=True))


def _grid(low: float, high: float, first: float, last: float) -> Points:
    """Both arguments between these powers of ten."""
    return _points(10 ** _between(low, high, 1), 10 ** _between(first, last, 2))


def _small() -> Points:
    """Small x, for whose powers a tenth makes a difference; a third of all a are integers."""
    a = _between(1, 4, 7)
    a[::3] = a[::3].round()
    return _points(a, 10 ** _between(-250, -5, 8))


def _around(low: float, high: float, left: float, right: float) -> Points:
    """The argument a between these powers of ten, x so many times sqrt(a) beside it."""
    a = 10 ** _between(low, high, 3)
    return _points(a, (a + a.sqrt() * _between(left, right, 4)).clamp(min=1e-3))


_ZETA = {
    "1.1 <= x <= 11, 0.1 <= q <= 10": _points(
        1 + 10 ** _between(-1, 1, 5), 10 ** _between(-1, 1, 6)
    ),
    "x - 1 from 1e-10 to 0.1, q from 0.01 to 100": _points(
        1 + 10 ** _between(-10, -1, 5), 10 ** _between(-2, 2, 6)
    ),
    "x from 1.1 to 6, q from 10 to 1e10": _points(
        1 + 10 ** _between(-1, 0.7, 5), 10 ** _between(1, 10, 6)
    ),
    "x from 10 to 100, q from 1 to 100": _grid(1, 2, 0, 2),
    "x from 1.1 to 11, q from 1e-15 to 0.1": _points(
        1 + 10 ** _between(-1, 1, 5), 10 ** _between(-15, -1, 6)
    ),
}
_GAMMA = {
    "a from 1e-6 to 1, x from 1e-10 to 1": _grid(-6, 0, -10, 0),
    "a from 1e-6 to 1, x from 1 to 100": _grid(-6, 0, 0, 2),
    "a from 1 to 15, x from 0.01 to 100": _grid(0, math.log10(15), -2, 2),
    "a from 15 to 100, x from 0.1 to 600": _grid(math.log10(15), 2, -1, math.log10(600)),
    "a from 1 to 1e4, |x - a| < 6 sqrt(a)": _around(0, 4, -6, 6),
    "a from 100 to 1e4, tails to 30 sqrt(a)": [
        *_around(2, 4, -30, -10)[: _COUNT // 2],
        *_around(2, 4, 10, 30)[: _COUNT // 2],
    ],
    "a from 1 to 4, x from 1e-250 to 1e-5": _small(),
    "a from 1e4 to 1e12, |x - a| < 4 sqrt(a)": _around(4, 12, -4, 4)[:24],
}


# --- values --------------------------------------------------------------------------


def _ours(function: Callable[..., Tensor], i: int, j: int, arguments: list[Tensor]) -> Tensor:
    """``function`` differentiated i times in the first argument and j times in the second."""
    if i == j == 0:
        return function(*arguments)
    points = [plugrad.Variable(t, requires_grad=True) for t in arguments]
    value: Any = function(*points)
    for which in [0] * i + [1] * j:
        (value,) = plugrad.grad(value.sum(), points[which], create_graph=True)
    found: Tensor = value.data
    return found


def _exact(number: Exact, i: int, j: int, *point: float) -> mpmath.mpf:
    first, second = point
    with mpmath.workdps(_DIGITS):
        return number(first, second, i, j)


# --- sizes, for what crosses zero ----------------------------------------------------


@cache
def _zeta_size(i: int, j: int, x: float, q: float) -> float:
    """The sum of the absolute values of the series' terms: those for q < 1 differ in sign."""
    rising: float = math.prod(x + k for k in range(j))
    if i and j:
        return x * _zeta_size(i, 0, x + 1, q) + i * _zeta_size(i - 1, 0, x + 1, q)
    first: float = abs(math.log(q)) ** i * q ** -(x + j)
    return rising * (first + abs(float(_gamma_reference.exact_zeta(x + j, q + 1, i, 0))))


@cache
def _gamma_size(i: int, j: int, a: float, x: float) -> float:
    """A derivative's size beside its zeros: with each order a factor 1/sqrt(a), about."""
    number = _gamma_reference.exact_igamma
    if j:
        density = number(a, x, 0, 1)  # no float, for it may be too small for one
        in_a = max(abs(math.log(x) - float(mpmath.psi(0, a))), float(mpmath.psi(1, a)) ** 0.5)
        in_x = abs((a - 1) / x - 1) + 1 / max(x, 1) ** 0.5
        return float(density * in_a**i * in_x ** (j - 1))
    first = abs(number(a, x, 1, 0))
    if i < 2:
        return float(first)
    tails = abs(number(a, x, 0, 0)), abs(_gamma_reference.exact_igammac(a, x, 0, 0))
    return float(first * min(first / min(tails), 1 + abs(math.log(x))))


# --- rows ----------------------------------------------------------------------------

_QUANTITIES = {
    (0, 0): "f",
    (1, 0): "df/d{0}",
    (0, 1): "df/d{1}",
    (2, 0): "d2f/d{0}2",
    (1, 1): "d2f/d{0}d{1}",
    (0, 2): "d2f/d{1}2",
}


def _rows(
    name: str,
    function: Callable[..., Tensor],
    number: Exact,
    size: Callable[..., float],
    domains: dict[str, Points],
    letters: tuple[str, str],
) -> Iterator[Row]:
    for (i, j), quantity in _QUANTITIES.items():
        for domain, points in domains.items():
            yield Row(
                name,
                quantity.format(*letters),
                domain,
                points,
                partial(_ours, function, i, j),
                partial(_exact, number, i, j),
                partial(size, i, j) if i + j else None,
            )


ROWS: list[Row] = [
    *_rows(
        "zeta",
        torch.special.zeta,
        _gamma_reference.exact_zeta,
        _zeta_size,
        _ZETA,
        ("x", "q"),
    ),
    *_rows("igamma", torch.igamma, _gamma_reference.exact_igamma, _gamma_size, _GAMMA, ("a", "x")),
    *_rows(
        "igammac", torch.igammac, _gamma_reference.exact_igammac, _gamma_size, _GAMMA, ("a", "x")
    ),
]
