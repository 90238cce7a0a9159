"""The Bessel functions and the Airy function.

Forward is torch's; the derivatives are taken as users take them, with plugrad.grad.
"""

from __future__ import annotations

import math
from functools import cache, partial
from typing import TYPE_CHECKING

import mpmath
import torch
from torch import Tensor

import plugrad
from plugrad_special.accuracy.row import Row

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    Exact = Callable[[mpmath.mpf], tuple[mpmath.mpf, ...]]

_COUNT = 60
_DIGITS = 60
_QUANTITIES = ("f", "df/dx", "d2f/dx2")


# --- exact values: each function and two derivatives ---------------------------------


def _j0(x: mpmath.mpf) -> tuple[mpmath.mpf, ...]:
    j0, j1, j2 = (mpmath.besselj(n, x) for n in range(3))
    return j0, -j1, (j2 - j0) / 2


def _j1(x: mpmath.mpf) -> tuple[mpmath.mpf, ...]:
    j0, j1, j2, j3 = (mpmath.besselj(n, x) for n in range(4))
    return j1, (j0 - j2) / 2, (j3 - 3 * j1) / 4


def _y0(x: mpmath.mpf) -> tuple[mpmath.mpf, ...]:
    y0, y1 = mpmath.bessely(0, x), mpmath.bessely(1, x)
    return y0, -y1, y1 / x - y0


def _y1(x: mpmath.mpf) -> tuple[mpmath.mpf, ...]:
    y0, y1 = mpmath.bessely(0, x), mpmath.bessely(1, x)
    return y1, y0 - y1 / x, (2 / x**2 - 1) * y1 - y0 / x


def _i0(x: mpmath.mpf) -> tuple[mpmath.mpf, ...]:
    i0, i1, i2 = (mpmath.besseli(n, x) for n in range(3))
    return i0, i1, (i0 + i2) / 2


def _i1(x: mpmath.mpf) -> tuple[mpmath.mpf, ...]:
    i0, i1, i2, i3 = (mpmath.besseli(n, x) for n in range(4))
    return i1, (i0 + i2) / 2, (3 * i1 + i3) / 4


def _k0(x: mpmath.mpf) -> tuple[mpmath.mpf, ...]:
    k0, k1 = mpmath.besselk(0, x), mpmath.besselk(1, x)
    return k0, -k1, k0 + k1 / x


def _k1(x: mpmath.mpf) -> tuple[mpmath.mpf, ...]:
    k0, k1 = mpmath.besselk(0, x), mpmath.besselk(1, x)
    return k1, -k0 - k1 / x, (1 + 2 / x**2) * k1 + k0 / x


def _scaled_k0(x: mpmath.mpf) -> tuple[mpmath.mpf, ...]:
    growth = mpmath.exp(x)
    k, first, second = (growth * value for value in _k0(x))
    return k, first + k, second + 2 * first + k


def _scaled_k1(x: mpmath.mpf) -> tuple[mpmath.mpf, ...]:
    growth = mpmath.exp(x)
    k, first, second = (growth * value for value in _k1(x))
    return k, first + k, second + 2 * first + k


def _spherical_j0(x: mpmath.mpf) -> tuple[mpmath.mpf, ...]:
    with mpmath.extradps(40):  # of the second derivative x^3 cancels
        sin, cos = mpmath.sin(x), mpmath.cos(x)
        first = (cos - sin / x) / x
        return sin / x, first, -sin / x - 2 * first / x


def _ai(x: mpmath.mpf) -> tuple[mpmath.mpf, ...]:
    value = mpmath.airyai(x)
    return value, mpmath.airyai(x, derivative=1), x * value


#: From x to the function and two derivatives.
EXACT: dict[str, Exact] = {
    "bessel_j0": _j0,
    "bessel_j1": _j1,
    "bessel_y0": _y0,
    "bessel_y1": _y1,
    "modified_bessel_i0": _i0,
    "modified_bessel_i1": _i1,
    "modified_bessel_k0": _k0,
    "modified_bessel_k1": _k1,
    "scaled_modified_bessel_k0": _scaled_k0,
    "scaled_modified_bessel_k1": _scaled_k1,
    "spherical_bessel_j0": _spherical_j0,
    "airy_ai": _ai,
}


@cache
def _value(exact: Exact, x: float) -> tuple[mpmath.mpf, ...]:
    with mpmath.workdps(_DIGITS):
        return exact(mpmath.mpf(x))


def _exact(exact: Exact, order: int, x: float) -> mpmath.mpf:
    return _value(exact, x)[order]


# --- sizes: of what oscillates, that of the oscillation ------------------------------


def oscillation(name: str) -> Callable[[int, float], float] | None:
    """Its size by order and x, where the function has zeros: beyond 1, of Ai below -1."""
    if name.startswith(("modified", "scaled")):
        return None
    return {"spherical_bessel_j0": _spherical, "airy_ai": _airy}.get(name, _bessel)


def _bessel(_order: int, x: float) -> float:
    return math.sqrt(2 / (math.pi * abs(x)))


def _spherical(_order: int, x: float) -> float:
    return 1 / abs(x)


def _airy(order: int, x: float) -> float:
    return math.pow(abs(x), order / 2 - 0.25) / math.sqrt(math.pi)


# --- ours ----------------------------------------------------------------------------


def _ours(name: str, order: int, arguments: list[Tensor]) -> Tensor:
    x = plugrad.Variable(arguments[0], requires_grad=True)
    y = getattr(torch.special, name)(x)
    for _ in range(order):
        (y,) = plugrad.grad(y.sum(), x, create_graph=True)
    found: Tensor = y.data
    return found


# --- rows ----------------------------------------------------------------------------


def _points(low: float, high: float, sign: float = 1) -> list[tuple[float, ...]]:
    """Spread evenly in the logarithm."""
    generator = torch.Generator().manual_seed(0)
    share = torch.rand(_COUNT, generator=generator, dtype=torch.float64)
    exponents = math.log(low) + share * (math.log(high) - math.log(low))
    return [(x,) for x in (sign * exponents.exp()).tolist()]


_OSCILLATING = ((1e-8, 2), (2, 5), (5, 20), (20, 100), (100, 1e6), (1e6, 1e15))
_RANGES: dict[str, tuple[tuple[float, float], ...]] = {
    "bessel_j0": _OSCILLATING,
    "bessel_j1": _OSCILLATING,
    "bessel_y0": _OSCILLATING,
    "bessel_y1": _OSCILLATING,
    "modified_bessel_i0": ((1e-8, 8), (8, 700)),
    "modified_bessel_i1": ((1e-8, 8), (8, 700)),
    "modified_bessel_k0": ((1e-8, 2), (2, 700)),
    "modified_bessel_k1": ((1e-8, 2), (2, 700)),
    "scaled_modified_bessel_k0": ((1e-8, 2), (2, 100), (100, 1e12)),
    "scaled_modified_bessel_k1": ((1e-8, 2), (2, 100), (100, 1e12)),
    "spherical_bessel_j0": ((1e-8, 2), (2, 100), (100, 1e15)),
}
_AIRY = {
    "0 to 2": _points(1e-8, 2),
    "2 to 100": _points(2, 100),
    "-2 to 0": _points(1e-8, 2, -1),
    "-10 to -2": _points(2, 10, -1),
    "-100 to -10": _points(10, 100, -1),
    "-1e6 to -100": _points(100, 1e6, -1),
    "-1e12 to -1e6": _points(1e6, 1e12, -1),
}


def _rows() -> Iterator[Row]:
    for name, ranges in _RANGES.items():
        for order, quantity in enumerate(_QUANTITIES):
            for low, high in ranges:
                domain = f"{low:g} to {high:g}"
                yield _row(name, order, quantity, domain, _points(low, high), zeros=low >= 2)
    for order, quantity in enumerate(_QUANTITIES):
        for domain, points in _AIRY.items():
            yield _row("airy_ai", order, quantity, domain, points, zeros=points[0][0] < -2)


def _row(
    name: str,
    order: int,
    quantity: str,
    domain: str,
    points: list[tuple[float, ...]],
    *,
    zeros: bool,
) -> Row:
    size = oscillation(name) if zeros else None
    return Row(
        name,
        quantity,
        domain,
        points,
        partial(_ours, name, order),
        partial(_exact, EXACT[name], order),
        None if size is None else partial(size, order),
    )


ROWS: list[Row] = list(_rows())
