"""Ai and its derivative, to full precision."""

from __future__ import annotations

import cmath
import math
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from plugrad_special.ops._bessel import integrals, trapezoid
from plugrad_special.ops._power_series import polynomial, series

if TYPE_CHECKING:
    from collections.abc import Sequence

#: Beyond this magnitude the integrals below are evaluated; below it, Maclaurin's series.
_SPLIT = 2.0
#: Here Ai and all its derivatives have long underflowed.
_LARGEST = 1e3

# Ai(0) and -Ai'(0), DLMF 9.2.3 and 9.2.4.
_AI = 0.355028053887817239260063186004183177
_MINUS_AI_PRIME = 0.258819403792806798405183560189203963

_RULE = trapezoid(0.2, 6.8)
_TURN = cmath.exp(1j * math.pi / 6)


def airy(x: Tensor) -> tuple[Tensor, Tensor]:
    """Ai(x) and Ai'(x) in float64."""
    small, small_prime = _maclaurin(x.clamp(-_SPLIT, _SPLIT))
    below, below_prime, above, above_prime = _integrals(x)
    near, negative = x.abs() < _SPLIT, x < 0
    value = torch.where(near, small, torch.where(negative, below, above))
    prime = torch.where(near, small_prime, torch.where(negative, below_prime, above_prime))
    return value, prime


def _maclaurin(x: Tensor) -> tuple[Tensor, Tensor]:
    """DLMF 9.4.1 and 9.4.2."""
    cube = x**3
    f, g = polynomial(_F, cube), x * polynomial(_G, cube)
    f_prime, g_prime = x * x / 2 * polynomial(_F_PRIME, cube), polynomial(_G_PRIME, cube)
    return (
        _AI * f - _MINUS_AI_PRIME * g,
        _AI * f_prime - _MINUS_AI_PRIME * g_prime,
    )


_CUBE = _SPLIT**3
_F = series(lambda k: (3 * k - 1) * 3 * k, _CUBE)
_G = series(lambda k: 3 * k * (3 * k + 1), _CUBE)
_F_PRIME = series(lambda k: 3 * k * (3 * k + 2), _CUBE)
_G_PRIME = series(lambda k: (3 * k - 2) * 3 * k, _CUBE)


def _integrals(x: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Ai and Ai' of -|x|, then of |x|, for |x| >= _SPLIT.

    On the path of steepest descent through the saddle point sqrt(x) of DLMF 9.5.4, with
    t = v x^(-1/4) and a = x^(-3/4), for |ph x| < pi (the first is DLMF 9.5.7):

        Ai(x)  =  x^(-1/4) e^(-zeta) / pi int_0^inf e^(-v^2) cos(a v^3/3) dv
        Ai'(x) = -x^(1/4) e^(-zeta) / pi int_0^inf e^(-v^2) (cos(a v^3/3) + a v sin(a v^3/3)) dv

    Of a negative argument Ai(-z) = 2 Re(e^(i pi/3) Ai(z e^(i pi/3))), DLMF 9.2.14, where
    t = v z^(-1/4) is kept real, so that e^(-v^2) becomes e^(-v^2 e^(i pi/6)).
    """
    size = x.abs().clamp(min=_SPLIT)
    root = size.sqrt()
    fourth = root.sqrt()
    a = 1 / (root * fourth)
    above, above_prime, *turned = integrals(lambda v: _integrands(v, a), _RULE, x)
    high, low = _zeta(size)
    below = _real_part(turned[:2], math.pi / 3, high, low) / fourth
    below_prime = _real_part(turned[2:], 2 * math.pi / 3, high, low) * fourth
    high, low = _zeta(size.clamp(max=_LARGEST))
    decay = (-high).exp() * (1 - low)
    fourth = fourth.clamp(max=_LARGEST)
    return below, below_prime, above * decay / fourth, -above_prime * decay * fourth


def _integrands(v: Tensor, a: Tensor) -> tuple[Tensor, ...]:
    """Those of Ai and -Ai', then real and imaginary parts of them at an argument of phase pi/3."""
    angle = a * (v**3 / 3)
    cos, sin = angle.cos(), a * v * angle.sin()
    gauss = (-v * v).exp() / math.pi
    size = 2 / math.pi * (-v * v * _TURN.real).exp()
    real, imaginary = size * (v * v * _TURN.imag).cos(), -size * (v * v * _TURN.imag).sin()
    return (
        gauss * cos,
        gauss * (cos + sin),
        real * cos,
        imaginary * cos,
        (real * _TURN.real - imaginary * _TURN.imag) * cos + real * sin,
        (real * _TURN.imag + imaginary * _TURN.real) * cos + imaginary * sin,
    )


def _real_part(parts: Sequence[Tensor], turn: float, high: Tensor, low: Tensor) -> Tensor:
    """The real part of (p + i q) e^(i (turn - high - low)), for p, q = parts."""
    p, q = parts
    cos, sin, cos_low, sin_low = high.cos(), high.sin(), low.cos(), low.sin()
    cos, sin = cos * cos_low - sin * sin_low, sin * cos_low + cos * sin_low
    a, b = math.cos(turn), math.sin(turn)
    return p * (a * cos + b * sin) - q * (b * cos - a * sin)


def _zeta(x: Tensor) -> tuple[Tensor, Tensor]:
    """2/3 x^(3/2) as a sum of a number and of what it was rounded by.

    A single number would be off by as much as all digits of the phase that a large zeta is.
    """
    root = x.sqrt()
    square, rest = _product(root, root)
    root_rest = ((x - square) - rest) / (2 * root)
    power, power_rest = _product(x, root)
    power_rest = power_rest + x * root_rest
    high, low = _product(power, torch.full_like(x, _TWO_THIRDS))
    low = low + power * _TWO_THIRDS_REST + power_rest * _TWO_THIRDS
    # Of a phase so large two numbers do not hold the digits either, and soon they overflow.
    return high, torch.where(x < 1e20, low, 0.0)


_TWO_THIRDS = 2 / 3
_TWO_THIRDS_REST = _TWO_THIRDS / 2**54  # of the bits 1010...10 the next are 1010... again


def _product(a: Tensor, b: Tensor) -> tuple[Tensor, Tensor]:
    """The product, rounded, and the error of that: Dekker, Numerische Mathematik 18 (1971)."""
    product = a * b
    a_high, a_low = _split(a)
    b_high, b_low = _split(b)
    error = ((a_high * b_high - product) + a_high * b_low + a_low * b_high) + a_low * b_low
    return product, error


def _split(a: Tensor) -> tuple[Tensor, Tensor]:
    scaled = a * 134217729.0  # 2^27 + 1: halves of 26 bits, whose products are exact
    high = scaled - (scaled - a)
    return high, a - high


def airy_derivative(x: Tensor, n: int) -> Tensor:
    """The n-th derivative of Ai in float64: from the third on, of Ai'' = x Ai by Leibniz's rule."""
    value, prime = airy(x)
    x = x.clamp(max=_LARGEST)  # where all is 0, also at inf
    found = [value, prime, x * value]
    for k in range(3, n + 1):
        found.append(x * found[k - 2] + (k - 2) * found[k - 3])
    return found[n]
