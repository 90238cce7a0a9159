"""Exact derivatives of zeta and the incomplete gamma functions: what their checks compare with.

Values come from torch, since forward is torch's, derivatives of every order from mpmath,
element by element. Only checks call this: mpmath is not a dependency of the pack.
"""

from __future__ import annotations

import math
from functools import cache
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

if TYPE_CHECKING:
    from collections.abc import Callable

    import mpmath

#: At least; more if mpmath is set to more. mpmath's differences take several times as many.
_DIGITS = 25
#: From here on P is integrated near its median: mpmath would take minutes.
_LARGE = 1e4


# --- exact numbers -------------------------------------------------------------------


def exact_zeta(x: float, q: float, i: int, j: int) -> mpmath.mpf:
    """The derivative of zeta(x, q), i times in x and j times in q, for x > 1 and q > 0.

    For q < 0 only that with i = 0 and an integer x exists.
    """
    from mpmath import mp, mpf

    with mp.workdps(max(mp.dps, _DIGITS)):
        s, a = mpf(x), mpf(q)
        # Leibniz: d^i/ds^i of (-1)^j (s)_j zeta(s + j, a).
        rising = [mpf(1)]
        for k in range(j):
            rising = _times(rising, [s + k, mpf(1)])
        total = mpf(0)
        for m, coefficient in enumerate(rising[: i + 1]):
            total += mp.ff(i, m) * coefficient * _zeta_in_x(s + j, a, i - m)
        return (-1) ** j * total


def _zeta_in_x(s: mpmath.mpf, a: mpmath.mpf, n: int) -> mpmath.mpf:
    """The n-th derivative of zeta(s, a) in s, by Euler-Maclaurin summation far out.

    Not mpmath's, which is not right relative to a tiny value and takes minutes for some; where
    it can be had, it is the same (tests/test_gamma_reference.py).
    """
    from mpmath import mp, mpf

    total, terms = mpf(0), mp.dps
    while a < s + terms:
        term = (-mp.log(a)) ** n * a**-s if n else a**-s
        falling = a > 1 and s * mp.log(a) > n
        if falling and abs(term) < abs(total) * mpf(10) ** (-mp.dps - 15):
            return total
        total += term
        a += 1
    bracket = [(-1) ** m * a / (s - 1) ** (m + 1) for m in range(n + 1)]
    bracket[0] += mpf(1) / 2
    rising = [s / a, 1 / a] + [mpf(0)] * n
    for k in range(1, terms):
        factor = mp.bernoulli(2 * k) / mp.factorial(2 * k)
        for m in range(n + 1):
            bracket[m] += factor * rising[m]
        for c in (s + 2 * k - 1, s + 2 * k):
            rising = _times(rising[: n + 1], [c / a, 1 / a])
    log = -mp.log(a)
    rest = sum(c * log ** (n - m) / mp.factorial(n - m) for m, c in enumerate(bracket))
    return total + mp.factorial(n) * a**-s * rest


def _times(first: list[Any], second: list[Any]) -> list[Any]:
    """The product of two polynomials."""
    product = [0] * (len(first) + len(second) - 1)
    for m, c in enumerate(first):
        for k, d in enumerate(second):
            product[m + k] += c * d
    return product


def exact_density(a: float, x: float, i: int, j: int) -> mpmath.mpf:
    """The derivative of x^(a-1) e^-x / Gamma(a), i times in a and j times in x, for x > 0."""
    from mpmath import mp, mpf

    with mp.workdps(max(mp.dps, _DIGITS) + _digits_before_the_point(a)):
        t = mpf(x)
        # d/dx turns g(a) into g(a-1) - g(a).
        return sum(
            (-1) ** (j - m) * mp.binomial(j, m) * _density_in_a(mpf(a) - m, t, i)
            for m in range(j + 1)
        )


def _digits_before_the_point(a: float) -> int:
    """What an exponent of a ln x takes of the digits behind it."""
    return int(math.log10(a + 1)) + 1


def _density_in_a(a: mpmath.mpf, x: mpmath.mpf, i: int) -> mpmath.mpf:
    from mpmath import mp

    log = mp.log(x)
    total = sum(mp.binomial(i, m) * mp.diff(mp.rgamma, a, m) * log ** (i - m) for m in range(i + 1))
    return total * mp.exp((a - 1) * log - x)


def exact_igamma(a: float, x: float, i: int, j: int) -> mpmath.mpf:
    """The derivative of P(a, x), i times in a and j times in x, for a >= 0 and x > 0."""
    from mpmath import mp, mpf

    if j:
        return exact_density(a, x, i, j - 1)
    if a >= _LARGE and abs(x - a) < 10 * math.sqrt(a):
        return in_a_by_quadrature(a, x, i)
    with mp.workdps(max(mp.dps, _DIGITS)):
        # The smaller of the two tails, so that it is right relative to itself.
        t = mpf(x)
        lower = x < a

        def tail(b: mpmath.mpf) -> mpmath.mpf:
            ends = (0, t) if lower else (t, mp.inf)
            return mp.gammainc(b, *ends, regularized=True)

        found = mp.diff(tail, mpf(a), i) if i else tail(mpf(a))
        if i == 0 and not lower:
            return 1 - found
        return found if lower else -found


@cache
def in_a_by_quadrature(a: float, x: float, i: int) -> mpmath.mpf:
    """The i-th derivative of P(a, x) in a for large a, where mpmath's gammainc takes minutes.

    Of x within some sqrt(a) of a: minus the integral of the density's from x up, with x e^u for x.
    """
    from mpmath import mp, mpf

    with mp.workdps(_DIGITS + _digits_before_the_point(a)):
        b, t = mpf(a), mpf(x)
        first, others = mp.log(t) - mp.psi(0, b), [-mp.psi(m, b) for m in range(1, i)]

        def integrand(u: mpmath.mpf) -> mpmath.mpf:
            return _bell([first + u, *others][:i]) * mp.exp(b * u - t * mp.expm1(u))

        total = mp.quad(integrand, [k / mp.sqrt(b) for k in (0, 1, 2, 4, 8, 14, 20)])
        found = -total * mp.exp(b * mp.log(t) - t - mp.loggamma(b))
        return found if i else 1 + found


def _bell(cumulants: list[Any]) -> Any:
    """The last of the complete Bell polynomials."""
    from mpmath import binomial

    bell = [1]
    for n in range(len(cumulants)):
        bell.append(sum(binomial(n, m) * cumulants[m] * bell[n - m] for m in range(n + 1)))
    return bell[-1]


def exact_igammac(a: float, x: float, i: int, j: int) -> mpmath.mpf:
    """The derivative of Q(a, x) = 1 - P(a, x), i times in a and j times in x."""
    from mpmath import mp, mpf

    if i or j:
        return -exact_igamma(a, x, i, j)
    if a >= _LARGE:
        return 1 - exact_igamma(a, x, 0, 0)
    with mp.workdps(max(mp.dps, _DIGITS)):
        return mp.gammainc(mpf(a), mpf(x), mp.inf, regularized=True)


# --- for the laws --------------------------------------------------------------------


def zeta(x: Any, q: Any) -> Tensor:
    """The values of torch's zeta with exact derivatives."""
    return _differentiable(torch.special.zeta, _zeta_number, x, q)


def zeta_derivative(x: Any, q: Any, n: int = 1) -> Tensor:
    """The n-th derivative of zeta in x."""
    return _differentiable(torch.special.zeta, _zeta_number, x, q, n)


def igamma(a: Any, x: Any) -> Tensor:
    """The values of torch's P(a, x) with exact derivatives."""
    return _differentiable(torch.igamma, _igamma_number, a, x)


def igammac(a: Any, x: Any) -> Tensor:
    """The values of torch's Q(a, x) with exact derivatives."""
    return _differentiable(torch.igammac, _igammac_number, a, x)


def igamma_derivative(a: Any, x: Any, n: int = 1) -> Tensor:
    """The n-th derivative of P(a, x) in a."""
    return _differentiable(torch.igamma, _igamma_number, a, x, n)


def gamma_density(a: Any, x: Any, n: int = 0, m: int = 0) -> Tensor:
    """The derivative of x^(a-1) e^-x / Gamma(a), n times in a and m times in x."""
    return _differentiable(torch.igamma, _igamma_number, a, x, n, m + 1)


def _differentiable(
    kernel: Callable[..., Tensor],
    number: Callable[..., float],
    a: Any,
    x: Any,
    i: int = 0,
    j: int = 0,
) -> Tensor:
    """What torch's ``kernel`` computes, differentiated i times in a and j times in x.

    The kernel also says which dtypes there are.
    """
    with torch.no_grad():
        value = kernel(a, x)
    first, second = (torch.as_tensor(t, device=value.device) for t in (a, x))
    return _derivative(number, i, j, value, first, second)


def _derivative(*arguments: Any) -> Tensor:
    found: Tensor = _Derivative.apply(*arguments)  # type: ignore[no-untyped-call]
    return found


class _Derivative(torch.autograd.Function):
    """A derivative of a function of two variables; its own derivatives are the next ones."""

    @staticmethod
    def forward(
        ctx: Any,
        number: Callable[..., float],
        i: int,
        j: int,
        value: Tensor,
        a: Tensor,
        x: Tensor,
    ) -> Tensor:
        ctx.save_for_backward(a, x, value)
        ctx.number, ctx.i, ctx.j = number, i, j
        if i == j == 0:
            return value.clone()
        flat = (t.detach().double().expand(value.shape).flatten().tolist() for t in (a, x))
        numbers = [number(*pair, i, j) for pair in zip(*flat, strict=True)]
        result = torch.tensor(numbers, dtype=torch.float64, device=a.device)
        return result.reshape(value.shape).to(value.dtype)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Any:
        (gradient,) = gradients
        a, x, value = ctx.saved_tensors

        def part(i: int, j: int, given: Tensor) -> Tensor:
            slope = _derivative(ctx.number, ctx.i + i, ctx.j + j, value, a, x)
            found: Tensor = (gradient * slope).sum_to_size(given.shape).to(given.dtype)
            return found

        _, _, _, _, need_a, need_x = ctx.needs_input_grad
        ga = part(1, 0, a) if need_a else None
        gx = part(0, 1, x) if need_x else None
        return None, None, None, None, ga, gx


@cache
def _zeta_number(x: float, q: float, i: int, j: int) -> float:
    if math.isnan(x) or math.isnan(q) or math.isinf(x) or math.isinf(q) or x < 1:
        return math.nan
    if x == 1:
        # zeta(x, q) = 1 / (x-1) - psi(q) + ...: only the part without q is infinite.
        pole = -math.inf if i % 2 else math.inf
        return pole if j == 0 else _zeta_at_1(q, i, j)
    if q > 0:
        return float(exact_zeta(x, q, i, j))
    if q == 0:
        return -math.inf if j % 2 else math.inf
    return float(exact_zeta(x, q, 0, j)) if i == 0 and q != int(q) else math.nan


def _zeta_at_1(q: float, i: int, j: int) -> float:
    from mpmath import mp, mpf

    with mp.workdps(60):
        # As near as 1e-30, not at it: the factors 1 / (x - 1) do not cancel by themselves.
        return float(exact_zeta(1 + mpf("1e-30"), q, i, j))


@cache
def _igamma_number(a: float, x: float, i: int, j: int) -> float:
    if math.isnan(a) or math.isnan(x) or a < 0 or x < 0 or (a == x and a in (0, math.inf)):
        return math.nan
    if math.inf in (a, x):
        return 0.0
    if x == 0:
        return 0.0 if j == 0 else _slope_at_0(a, i, j - 1)
    if a * math.log(x) - x - math.lgamma(a + 1) < -1000:
        return 0.0  # also after all factors; mpmath would take seconds
    return float(exact_igamma(a, x, i, j))


@cache
def _igammac_number(a: float, x: float, i: int, j: int) -> float:
    return -_igamma_number(a, x, i, j)


def _slope_at_0(a: float, i: int, j: int) -> float:
    """The density's derivative at x = 0: that of x^(a-1) (1 - x + ...) / Gamma(a)."""
    if a > j + 1:
        return 0.0
    if i == 0 and a == int(a) >= 1:
        m = j - int(a) + 1  # from the coefficient of x^j
        return float((-1) ** m * math.comb(j, m))
    from mpmath import mp

    size = _density_in_a(mp.mpf(a) - j, mp.mpf("1e-1000"), i)
    return math.copysign(math.inf, float(mp.sign(size)))
