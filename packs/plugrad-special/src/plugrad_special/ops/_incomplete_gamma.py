"""Derivatives in a, of any order, of the incomplete gamma function and of its density.

The density is g(a, x) = x^(a-1) e^-x / Gamma(a), and P(a, x) its integral from 0 to x. With
s(a, x) = x^a e^-x / Gamma(a+1), so that g = a s / x, all derivatives in a come from

    d^n/da^n s = s p_n(k_1, ..., k_n),  k_1 = ln x - psi(a+1),  k_m = -psi^(m-1)(a+1),

where p_n are the complete Bell polynomials. 1/Gamma(a+1), not 1/Gamma(a), so that nothing
cancels as a goes to 0.

Three ways to d^n/da^n P, each without cancellation where it is used, so that also a tail far
below 1 is right relative to itself:

- the series P = sum_k s(a+k, x), differentiated term by term (Moore, AS 187, Appl. Stat. 31,
  1982), for x < 1, and for a <= 15 below the median;
- the integral of d^n/da^n g(a, t) from 0 to x with t = x e^-u, below the median for a > 15;
- minus that from x to infinity with t = x e^u, above it.

"The median" is exp(psi(a)): there d/da g changes sign, so to the left and to the right of it
the integrand of the first derivative has one sign. In u the integrand falls from 1 at u = 0
without another scale, and Gauss-Legendre quadrature over the interval where it is above
e^-44 converges to rounding.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from plugrad_special.ops._gauss_legendre import gauss_legendre

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_SMALL = 15.0  # up to here the series, beyond Stirling's series
_TERMS = 52
_NODES = 40
_DEPTH = 44.0  # e^-44 is 8e-20
#: Elements taken at once: each takes _TERMS numbers of memory in each of some ten tensors.
_CHUNK = 2048


def cumulative_derivative(a: Tensor, x: Tensor, n: int) -> Tensor:
    """d^n/da^n P(a, x) for n >= 1; nan where P is, 0 where P is constant in a."""
    value = torch.igamma(a, x)
    if value.is_meta:
        return value
    a, x = _wide(a, value), _wide(x, value)
    result = torch.where(torch.isnan(value), math.nan, 0.0).to(torch.float64).flatten()
    inside = (a >= 0) & (x > 0) & torch.isfinite(a) & torch.isfinite(x)
    inside &= _scale(a, x) > 0
    below = (x.log() - torch.digamma(a + 1)) * a + 1 < 0
    by_series = (x < 1) & ((a <= _SMALL) | ~below) | below & (a <= _SMALL)
    for region, method in (
        (by_series, _series),
        (below & ~by_series, _from_below),
        (~below & ~by_series, _from_above),
    ):
        for some in _chunks(region & inside, _CHUNK):
            result[some] = method(a[some], x[some], n)
    return _like(result, value)


def density_derivative(a: Tensor, x: Tensor, n: int) -> Tensor:
    """d^n/da^n g(a, x) for n >= 0; its limit at x = 0; nan for x < 0, and for a < 0 if x > 0."""
    value = torch.empty_like(torch.igamma(a, x))
    if value.is_meta:
        return value
    a, x = _wide(a, value), _wide(x, value)
    result = torch.full_like(a, math.nan)
    result = torch.where((a == math.inf) & (x < math.inf) | (a >= 0) & (x == math.inf), 0.0, result)
    result = torch.where(a.isinf() & x.isinf(), math.nan, result)
    result = torch.where(x == 0, _density_at_0(a, n), result)
    inside = (a >= 0) & (x > 0) & torch.isfinite(a) & torch.isfinite(x)
    for some in _chunks(inside, _CHUNK * _NODES):
        result[some] = _density(a[some], x[some], n)
    return _like(result, value)


def _wide(tensor: Tensor, value: Tensor) -> Tensor:
    return tensor.to(torch.float64).expand(value.shape).flatten()


def _chunks(region: Tensor, size: int) -> Iterator[Tensor]:
    """The indices of a region, not too many at once."""
    indices = region.nonzero().squeeze(1)
    for start in range(0, len(indices), size):
        yield indices[start : start + size]


def _like(result: Tensor, value: Tensor) -> Tensor:
    """The result in the shape, dtype and strides of ``value``."""
    return torch.empty_like(value).copy_(result.reshape(value.shape))


# --- the three ways ------------------------------------------------------------------


def _series(a: Tensor, x: Tensor, n: int) -> Tensor:
    k = torch.arange(1, _TERMS, dtype=a.dtype, device=a.device)[:, None]
    inverse = 1 / (a + k)
    first = torch.ones_like(a)[None]
    terms = torch.cat([first, (x * inverse).cumprod(0)])
    cumulants = []
    for m, at_0 in enumerate(_cumulants(a, x, n), 1):
        # psi^(m-1)(z+1) = psi^(m-1)(z) + (-1)^(m-1) (m-1)! z^-m
        step = (-1) ** m * math.factorial(m - 1) * inverse**m
        cumulants.append(at_0 + torch.cat([0 * first, step.cumsum(0)]))
    return _scale(a, x) * (terms * _bell(cumulants)[n]).sum(0)


def _from_above(a: Tensor, x: Tensor, n: int) -> Tensor:
    # x (e^u - 1) - a u = _DEPTH, from above: the left side is at least (x - a) u + x u^2 / 2.
    gap = x - a
    end = 2 * _DEPTH / (gap + (gap * gap + 2 * _DEPTH * x).sqrt())
    for _ in range(3):
        end = torch.minimum(end, ((_DEPTH + a * end) / x).log1p())
    return -_integral(a, x, n, end, lambda u: a * u - x * u.expm1(), 1)


def _from_below(a: Tensor, x: Tensor, n: int) -> Tensor:
    # a u - x (1 - e^-u) = _DEPTH, from above: 1 - e^-u is at most u / (1 + u / 2).
    gap = a - x - _DEPTH / 2
    root = (gap * gap + 2 * _DEPTH * a).sqrt()
    end = torch.where(gap > 0, 2 * _DEPTH / (gap + root), (root - gap) / a)
    return _integral(a, x, n, end, lambda u: -a * u - x * (-u).expm1(), -1)


def _integral(
    a: Tensor, x: Tensor, n: int, end: Tensor, exponent: Callable[[Tensor], Tensor], sign: int
) -> Tensor:
    """The integral of d^n/da^n g(a, t) dt over t = x e^(sign u), u from 0 to ``end``."""
    nodes, weights = gauss_legendre(_NODES)
    u = nodes.to(a.device)[:, None] * end
    first, *others = _cumulants(a, x, n)
    factor = _of_density(a, [first + sign * u, *others], n)
    total = (weights.to(a.device)[:, None] * exponent(u).exp() * factor).sum(0)
    return _scale(a, x) * end * total


# --- what they are made of -----------------------------------------------------------


def _density(a: Tensor, x: Tensor, n: int) -> Tensor:
    scale = _scale(a, x)
    factor = _of_density(a, _cumulants(a, x, n), n)
    # Where the scale underflows a large factor could be infinite.
    return torch.where(scale == 0, 0.0, scale / x * factor)


def _density_at_0(a: Tensor, n: int) -> Tensor:
    """The limit as x goes to 0 of d^n/da^n x^(a-1) e^-x / Gamma(a), for any real a."""
    # 1/Gamma(a) has the sign of (-1)^floor(a) for a < 0, and ln x is negative.
    sign = (1 - 2 * a.floor().remainder(2)) * (-1) ** n
    infinite = torch.where(a < 1, sign * math.inf, 0.0)
    # At a = 0, -1, ... it is 0, and its slope in a has the sign of (-1)^a.
    pole = (a <= 0) & (a == a.floor())
    infinite = torch.where(pole, 0.0 if n == 0 else -sign * math.inf, infinite)
    at_1 = 1.0 if n == 0 else (-1) ** n * math.inf
    limit = torch.where(a == 1, at_1, infinite)
    return torch.where(a.isnan() | (a == -math.inf), math.nan, limit)


def _scale(a: Tensor, x: Tensor) -> Tensor:
    """x^a e^-x / Gamma(a+1)."""
    small = torch.minimum(a, torch.full_like(a, _SMALL))
    plain = (small * x.log() - x - (small + 1).lgamma()).exp()
    # Stirling: x^a e^-x = a^a e^-a e^(-a (mu - ln(1+mu))), so that no large numbers cancel.
    large = a.clamp(min=_SMALL)
    mu = (x - large) / large
    series = _horner(large.pow(-2), _STIRLING) / large
    scaled = (-large * _log_excess(mu, x / large) - series).exp() / (2 * math.pi * large).sqrt()
    return torch.where(a <= _SMALL, plain, scaled)


#: B_2k / (2k (2k-1)): ln Gamma(a+1) = (a + 1/2) ln a - a + ln(2 pi) / 2 + sum / a^(2k-1).
_STIRLING = (1 / 12, -1 / 360, 1 / 1260, -1 / 1680, 1 / 1188, -691 / 360360)
#: B_2k / (2k): ln a - psi(a+1) = -1/(2a) + sum / a^2k.
_DIGAMMA = (1 / 12, -1 / 120, 1 / 252, -1 / 240, 1 / 132, -691 / 32760)


def _horner(z: Tensor, coefficients: tuple[float, ...]) -> Tensor:
    total = torch.full_like(z, coefficients[-1])
    for c in reversed(coefficients[:-1]):
        total = total * z + c
    return total


def _log_excess(mu: Tensor, ratio: Tensor) -> Tensor:
    """Mu - ln(1 + mu), where 1 + mu is ``ratio``."""
    near = mu.abs() < 0.4
    small = torch.where(near, mu, 0.0)
    # ln(1 + mu) = 2 artanh(r), and mu - 2 r = r mu.
    r = small / (2 + small)
    series = r * (small - 2 * r * r * _horner(r * r, _ARTANH))
    return torch.where(near, series, mu - ratio.log())


_ARTANH = tuple(1 / (2 * k + 3) for k in range(14))  # r^2 is at most 1/16


def _cumulants(a: Tensor, x: Tensor, n: int) -> list[Tensor]:
    """Ln x - psi(a+1), -psi'(a+1), ...: n of them, but one at least."""
    large = a.clamp(min=_SMALL)
    mu = (x - large) / large
    near = mu.abs() < 0.4
    log_ratio = torch.where(near, torch.where(near, mu, 0.0).log1p(), (x / large).log())
    inverse = large.reciprocal()
    scaled = log_ratio + inverse * (inverse * _horner(inverse**2, _DIGAMMA) - 0.5)
    first = torch.where(a <= _SMALL, x.log() - torch.digamma(a + 1), scaled)
    # Not torch.polygamma: for the first derivative of digamma it is right to 5e-10 only.
    return [first] + [
        (-1) ** (m - 1) * math.factorial(m - 1) * torch.special.zeta(m, a + 1)
        for m in range(2, n + 1)
    ]


def _of_density(a: Tensor, cumulants: list[Tensor], n: int) -> Tensor:
    """d^n/da^n (a s) / s."""
    bell = _bell(cumulants[:n])
    return a * bell[n] + n * bell[n - 1] if n else a


def _bell(cumulants: list[Tensor]) -> list[Tensor]:
    """The complete Bell polynomials of the cumulants, from p_0 = 1 on."""
    bell = [torch.ones_like(cumulants[0])] if cumulants else []
    for n in range(len(cumulants)):
        total = cumulants[0] * bell[n]
        for m in range(1, n + 1):
            total = total + math.comb(n, m) * cumulants[m] * bell[n - m]
        bell.append(total)
    return bell
