"""Derivatives, of any order, of the incomplete gamma function and of its density.

The density is g(a, x) = x^(a-1) e^-x / Gamma(a), and P(a, x) its integral from 0 to x. With
s(a, x) = x^a e^-x / Gamma(a+1), so that g = a s / x, all derivatives in a come from

    d^n/da^n s = s p_n(k_1, ..., k_n),  k_1 = ln x - psi(a+1),  k_m = -psi^(m-1)(a+1),

where p_n are the complete Bell polynomials. 1/Gamma(a+1), not 1/Gamma(a), so that nothing
cancels as a goes to 0.

Those of g in x are found in two ways. Below 1 they are the sums that d/dx g(a) = g(a-1) - g(a)
gives: with factors a - m, exact and maybe 0, they keep what is left where a is an integer and x
is small. From 1 on those sums cancel, and the recurrence that x dg/dx = (a-1-x) g gives does not.

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
from plugrad_special.ops._power_series import polynomial

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
    (cumulant,) = _cumulants(a, x, 1)
    below = cumulant * a + 1 < 0
    by_series = (x < 1) & ((a <= _SMALL) | ~below) | below & (a <= _SMALL)
    for region, method in (
        (by_series, _series),
        (below & ~by_series, _from_below),
        (~below & ~by_series, _from_above),
    ):
        for some in _chunks(region & inside, _CHUNK):
            result[some] = method(a[some], x[some], n)
    return _like(result, value)


def density_derivative(a: Tensor, x: Tensor, n: int, m: int) -> Tensor:
    """d^n/da^n d^m/dx^m g(a, x); its limit at x = 0; nan where P is."""
    value = torch.igamma(a, x)
    if value.is_meta:
        return value
    a, x = _wide(a, value), _wide(x, value)
    result = torch.where(x == 0, _density_at_0(a, n, m), 0.0)  # 0 where a or x is inf
    result = torch.where(torch.isnan(value).flatten(), math.nan, result)
    inside = (a >= 0) & (x > 0) & torch.isfinite(a) & torch.isfinite(x)
    for region, method in ((x < 1, _density_below_1), (x >= 1, _density_from_1)):
        for some in _chunks(region & inside, _CHUNK * _NODES):
            result[some] = method(a[some], x[some], n, m)
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
        step = (-1.0) ** m * math.factorial(m - 1) * inverse**m
        cumulants.append(at_0 + torch.cat([0 * first, step.cumsum(0)]))
    return _scale(a, x) * (terms * _bell(cumulants)[n]).sum(0)


def _from_above(a: Tensor, x: Tensor, n: int) -> Tensor:
    # x (e^u - 1) - a u = _DEPTH, from above: the left side is at least (x - a) u + x u^2 / 2.
    gap = x - a
    end = 2 * _DEPTH / (gap + (gap * gap + 2 * _DEPTH * x).sqrt())
    for _ in range(3):
        end = torch.minimum(end, ((_DEPTH + a * end) / x).log1p())
    # a u - x (e^u - 1), without the two large terms that cancel where x is close to a.
    return -_integral(a, x, n, end, lambda u: -gap * u - x * _excess(u), 1)


def _from_below(a: Tensor, x: Tensor, n: int) -> Tensor:
    # a u - x (1 - e^-u) = _DEPTH, from above: 1 - e^-u is at most u / (1 + u / 2).
    gap = a - x - _DEPTH / 2
    root = (gap * gap + 2 * _DEPTH * a).sqrt()
    end = torch.where(gap > 0, 2 * _DEPTH / (gap + root), (root - gap) / a)
    return _integral(a, x, n, end, lambda u: (x - a) * u - x * _excess(-u), -1)


def _integral(
    a: Tensor, x: Tensor, n: int, end: Tensor, exponent: Callable[[Tensor], Tensor], sign: int
) -> Tensor:
    """The integral of d^n/da^n g(a, t) dt over t = x e^(sign u), u from 0 to ``end``."""
    nodes, weights = gauss_legendre(_NODES)
    u = nodes.to(a.device)[:, None] * end
    first, *others = _cumulants(a, x, n)
    factor = _of_density(a, [first + sign * u, *others], n)[n]
    total = (weights.to(a.device)[:, None] * exponent(u).exp() * factor).sum(0)
    return _scale(a, x) * end * total


# --- what they are made of -----------------------------------------------------------


def _density_below_1(a: Tensor, x: Tensor, n: int, m: int) -> Tensor:
    """The sum over k of (-1)^(m-k) binomial(m, k) d^n/da^n g(a-k, x)."""
    cumulants = _cumulants(a, x, n)[:n]
    bell = _bell(cumulants) if n else [torch.ones_like(a)]
    # a (a-1) ... (a-k), differentiated up to n times in a.
    product = [a, torch.ones_like(a), *[torch.zeros_like(a)] * n]
    total = torch.zeros_like(a)
    for k in range(m + 1):
        if k:
            lower = [torch.zeros_like(a), *product]
            product = [(a - k) * product[i] + i * lower[i] for i in range(n + 1)]
        factor = sum(float(math.comb(n, i)) * product[i] * bell[n - i] for i in range(n + 1))
        # Two halves, for the whole may overflow or underflow where the product does not.
        half = (((a - k - 1) * x.log() - x - (a + 1).lgamma()) / 2).exp()
        term = torch.where((factor == 0) | (half == 0), 0.0, half * factor * half)
        total = total + (-1.0) ** (m - k) * math.comb(m, k) * term
    return total


def _density_from_1(a: Tensor, x: Tensor, n: int, m: int) -> Tensor:
    """By x g(m+1) = (a-1-m-x) g(m) - m g(m-1), where g(m) is d^m/dx^m g; all over s."""
    last = [torch.zeros_like(a)] * (n + 1)
    now = [c / x for c in _of_density(a, _cumulants(a, x, n), n)]
    for k in range(m):
        factor = (a - x) - (k + 1)
        # Differentiated i times in a, where d/da of the factor is 1.
        lower = [torch.zeros_like(a), *now]
        after = [(factor * now[i] + i * lower[i] - k * last[i]) / x for i in range(n + 1)]
        last, now = now, after
    scale = _scale(a, x)
    # Where the scale underflows a large factor could be infinite.
    return torch.where(scale == 0, 0.0, scale * now[n])


def _density_at_0(a: Tensor, n: int, m: int) -> Tensor:
    """The limit as x goes to 0 of d^n/da^n d^m/dx^m g."""
    total = torch.zeros_like(a)
    for k in range(m + 1):
        total = total + (-1.0) ** (m - k) * math.comb(m, k) * _limit_at_0(a - k, n)
    return total


def _limit_at_0(a: Tensor, n: int) -> Tensor:
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
    series = polynomial(_STIRLING, large.pow(-2)) / large
    scaled = (-large * _log_excess(mu, x / large) - series).exp() / (2 * math.pi * large).sqrt()
    return torch.where(a <= _SMALL, plain, scaled)


#: B_2k / (2k (2k-1)): ln Gamma(a+1) = (a + 1/2) ln a - a + ln(2 pi) / 2 + sum / a^(2k-1).
_STIRLING = (1 / 12, -1 / 360, 1 / 1260, -1 / 1680, 1 / 1188, -691 / 360360)
#: B_2k / (2k): ln a - psi(a+1) = -1/(2a) + sum / a^2k.
_DIGAMMA = (1 / 12, -1 / 120, 1 / 252, -1 / 240, 1 / 132, -691 / 32760)


def _log_excess(mu: Tensor, ratio: Tensor) -> Tensor:
    """Mu - ln(1 + mu), where 1 + mu is ``ratio``."""
    near = mu.abs() < 0.4
    small = torch.where(near, mu, 0.0)
    # ln(1 + mu) = 2 artanh(r), and mu - 2 r = r mu.
    r = small / (2 + small)
    series = r * (small - 2 * r * r * polynomial(_ARTANH, r * r))
    return torch.where(near, series, mu - ratio.log())


_ARTANH = tuple(1 / (2 * k + 3) for k in range(14))  # r^2 is at most 1/16


def _excess(u: Tensor) -> Tensor:
    """e^u - 1 - u."""
    near = u.abs() < 0.5
    small = torch.where(near, u, 0.0)
    return torch.where(near, small * small * polynomial(_EXP, small), u.expm1() - u)


_EXP = tuple(1 / math.factorial(k) for k in range(2, 18))


def _cumulants(a: Tensor, x: Tensor, n: int) -> list[Tensor]:
    """Ln x - psi(a+1), -psi'(a+1), ...: n of them, but one at least."""
    large = a.clamp(min=_SMALL)
    mu = (x - large) / large
    near = mu.abs() < 0.4
    log_ratio = torch.where(near, torch.where(near, mu, 0.0).log1p(), (x / large).log())
    inverse = large.reciprocal()
    scaled = log_ratio + inverse * (inverse * polynomial(_DIGAMMA, inverse**2) - 0.5)
    first = torch.where(a <= _SMALL, x.log() - torch.digamma(a + 1), scaled)
    # Not torch.polygamma: for the first derivative of digamma it is right to 5e-10 only.
    return [first] + [
        (-1.0) ** (m - 1) * math.factorial(m - 1) * torch.special.zeta(m, a + 1)
        for m in range(2, n + 1)
    ]


def _of_density(a: Tensor, cumulants: list[Tensor], n: int) -> list[Tensor]:
    """d^k/da^k (a s) / s for k up to n."""
    bell = _bell(cumulants[:n])
    return [a, *(a * bell[k] + k * bell[k - 1] for k in range(1, n + 1))]


def _bell(cumulants: list[Tensor]) -> list[Tensor]:
    """The complete Bell polynomials of the cumulants, from p_0 = 1 on."""
    bell = [torch.ones_like(cumulants[0])] if cumulants else []
    for n in range(len(cumulants)):
        total = cumulants[0] * bell[n]
        for m in range(1, n + 1):
            total = total + float(math.comb(n, m)) * cumulants[m] * bell[n - m]
        bell.append(total)
    return bell
