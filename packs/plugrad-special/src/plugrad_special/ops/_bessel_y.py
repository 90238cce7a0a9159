"""Bessel functions of the second kind and integer order, to full precision."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from plugrad_special.ops._bessel import upward
from plugrad_special.ops._bessel_j import small_j
from plugrad_special.ops._hankel import SPLIT, hankel
from plugrad_special.ops._power_series import polynomial, series

_EULER = 0.57721566490153286060651209008240243


def bessel_y(x: Tensor, n: int) -> Tensor:
    """Y_n(x) in float64; -inf at 0 and nan below. Upward recurrence, DLMF 10.6.1, is stable."""
    x = x + 0.0  # -0.0 is where Y_n ends too
    near = x.clamp(min=0, max=SPLIT)
    _, _, y0, y1 = hankel(x.clamp(min=SPLIT))
    y0 = torch.where(x < SPLIT, _small_y0(near), y0)
    y1 = torch.where(x < SPLIT, _small_y1(near), y1)

    def following(a: Tensor, b: Tensor, k: int) -> Tensor:
        return torch.where(b == -math.inf, b, 2 * k / x * b - a)

    return torch.where(x < 0, math.nan, upward(y0, y1, n, following))


def _small_y0(x: Tensor) -> Tensor:
    """DLMF 10.8.2."""
    logarithm = (x / 2).log() + _EULER
    return 2 / math.pi * (logarithm * small_j(x, 0) + polynomial(_Y0, (x / 2) ** 2))


def _small_y1(x: Tensor) -> Tensor:
    """DLMF 10.8.1; the product of logarithm and J_1 is 0 at 0."""
    logarithm = (x / 2).clamp(min=torch.finfo(x.dtype).tiny).log() + _EULER
    regular = logarithm * small_j(x, 1) - x / 4 * polynomial(_Y1, (x / 2) ** 2)
    return 2 / math.pi * (regular - 1 / x)


def _harmonic(n: int) -> float:
    return math.fsum(1 / k for k in range(1, n + 1))


_SQUARE = (SPLIT / 2) ** 2
_Y0 = [-_harmonic(k) * c for k, c in enumerate(series(lambda k: -k * k, _SQUARE))]
_Y1 = [
    (_harmonic(k) + _harmonic(k + 1)) * c
    for k, c in enumerate(series(lambda k: -k * (k + 1), _SQUARE))
]
