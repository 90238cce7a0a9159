"""What the laws take for exact agrees with mpmath by other ways."""

import mpmath
import pytest
from plugrad_special import _gamma_reference


@pytest.mark.parametrize("n", [0, 1, 3])
@pytest.mark.parametrize(("x", "q"), [(1.001, 0.2), (2.5, 0.3), (3.0, 12.0), (12.0, 2.0)])
def test_zeta_is_mpmaths(n: int, x: float, q: float) -> None:
    found = _gamma_reference.exact_zeta(x, q, n, 0)
    with mpmath.workdps(60):
        expected = mpmath.zeta(mpmath.mpf(x), mpmath.mpf(q), n)
    assert abs(found / expected - 1) < 1e-20


@pytest.mark.parametrize("n", [1, 2, 3])
@pytest.mark.parametrize(("a", "x"), [(0.3, 2.0), (61.0, 20.0), (61.0, 100.0), (3000.0, 3050.0)])
def test_igamma_in_a_is_the_integral_of_the_density(n: int, a: float, x: float) -> None:
    """P's derivative is the integral over a tail of the density's."""
    found = _gamma_reference.exact_igamma(a, x, n, 0)
    with mpmath.workdps(30):
        b, t, width = mpmath.mpf(a), mpmath.mpf(x), mpmath.sqrt(a) + 2
        rgamma = [mpmath.diff(mpmath.rgamma, b, m) for m in range(n + 1)]

        def density(s: mpmath.mpf) -> mpmath.mpf:
            log = mpmath.log(s)
            terms = (mpmath.binomial(n, m) * rgamma[m] * log ** (n - m) for m in range(n + 1))
            return sum(terms) * mpmath.exp((b - 1) * log - s)

        sign = -1 if x < a else 1
        ends = [max(t + sign * width * k, mpmath.mpf("1e-30")) for k in (0, 1, 2, 4, 8, 16, 40)]
        expected = -mpmath.quad(density, ends)
    assert abs(found / expected - 1) < 1e-18
