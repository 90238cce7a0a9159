"""Accuracy of the orthogonal polynomials and of their first two derivatives.

Errors are relative to the local amplitude, sqrt(f^2 + f'^2 w), which is the size of the
oscillation, at a zero too; w is |1 - x^2|/n^2 for Jacobi's kind, |x|/n for Laguerre's, 1/n for
Hermite's. Derivatives that are 0 everywhere are left out.
"""

from __future__ import annotations

import random
from functools import partial
from typing import Any

import mpmath
import torch
from torch import Tensor

import plugrad as pg
from plugrad_special._polynomial_reference import value
from plugrad_special.accuracy.row import Row

_POINTS = 40
_DIGITS = 50


def _ours(name: str, order: int, arguments: list[Tensor]) -> Tensor:
    x, n = pg.Variable(arguments[0], requires_grad=True), arguments[1]
    y = getattr(torch.special, name)(x, n)
    for _ in range(order):
        (y,) = pg.grad(y.sum(), x, create_graph=True)
    result: Tensor = y.data
    return result


def _exact(name: str, order: int, x: float, n: float) -> Any:
    return value(name, x, int(n), order, _DIGITS)


def amplitude(name: str, order: int, x: float, n: float) -> Any:
    """The size of the oscillation, which at a zero is the scale of the error; for n >= 1."""
    f, slope = (value(name, x, int(n), k, _DIGITS) for k in (order, order + 1))
    if name.startswith("hermite"):
        weight = mpmath.mpf(1) / n
    elif name.startswith("laguerre"):
        weight = abs(mpmath.mpf(x)) / n
    elif name.startswith("shifted"):
        weight = abs(mpmath.mpf(x) * (1 - mpmath.mpf(x))) / n**2
    else:
        weight = abs(1 - mpmath.mpf(x) ** 2) / n**2
    return mpmath.sqrt(f * f + slope * slope * weight)


def _arguments(name: str) -> list[tuple[str, list[float]]]:
    """Parts of the real line, each with numbers in it."""
    draw = random.Random(name)
    if name.startswith("hermite"):
        within = [draw.uniform(-6, 6) for _ in range(_POINTS)]
        return [
            ("|x| < 6", within),
            ("8 < |x| < 20", [x + (14 if x > 0 else -14) for x in within]),
        ]
    if name.startswith("laguerre"):
        return [
            ("-5 < x < 0", [draw.uniform(-5, 0) for _ in range(_POINTS)]),
            ("0 <= x < 50", [0.0, 1e-9] + [draw.uniform(0, 50) for _ in range(_POINTS)]),
        ]
    near = [s * (1 - t) for s in (-1, 1) for t in [0.0] + [10.0**-k for k in range(2, 16)]]
    within = [draw.uniform(-0.99, 0.99) for _ in range(_POINTS)]
    beyond = [s * (1 + 10.0**-k) for s in (-1, 1) for k in range(1, 15)]
    parts = [("|x| < 0.99", within), ("|x| <= 1, near 1", near), ("1 < |x| <= 1.1", beyond)]
    if name.startswith("shifted"):
        return [(f"with 2x - 1 for x: {d}", [(x + 1) / 2 for x in xs]) for d, xs in parts]
    return parts


def _degrees(name: str) -> list[tuple[str, list[int]]]:
    if name.startswith(("hermite", "laguerre")):
        return [("n = 1 ... 10", list(range(1, 11))), ("n = 30, 100", [30, 100])]
    return [("n = 1 ... 10", list(range(1, 11))), ("n = 30, 100", [30, 100]), ("n = 1000", [1000])]


_KINDS = [f"{shifted}chebyshev_polynomial_{k}" for shifted in ("", "shifted_") for k in "tuvw"]
_NAMES = [
    *_KINDS,
    "legendre_polynomial_p",
    "laguerre_polynomial_l",
    "hermite_polynomial_h",
    "hermite_polynomial_he",
]

ROWS = [
    Row(
        name,
        quantity,
        f"{degrees}, {domain}",
        [(x, float(n)) for n in ns if n >= order for x in (xs if n < 1000 else xs[::3])],
        partial(_ours, name, order),
        partial(_exact, name, order),
        partial(amplitude, name, order),
    )
    for name in _NAMES
    for domain, xs in _arguments(name)
    for degrees, ns in _degrees(name)
    for order, quantity in enumerate(("f", "df/dx", "d2f/dx2"))
]
