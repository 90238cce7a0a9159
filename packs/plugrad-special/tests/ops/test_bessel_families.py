"""The ops that derivatives of Bessel functions are made of, of every order, beside mpmath."""

import mpmath
import pytest
import torch

import plugrad as pg


def moment(x: mpmath.mpf, n: int) -> mpmath.mpf:
    """The n-th derivative of e^x K_0(x), by Bessel's equation."""
    first = mpmath.exp(x) * mpmath.besselk(0, x)
    second = first - mpmath.exp(x) * mpmath.besselk(1, x)
    for k in range(n):
        first, second = second, ((2 * x - 1 - k) * second + (2 * k + 1) * first) / x
    return first


def airy(x: mpmath.mpf, n: int) -> mpmath.mpf:
    """The n-th derivative of Ai, by Ai'' = x Ai."""
    value = mpmath.airyai(x)
    found = [value, mpmath.airyai(x, derivative=1), x * value]
    for k in range(3, n + 1):
        found.append(x * found[k - 2] + (k - 2) * found[k - 3])
    return found[n]


def spherical(x: mpmath.mpf, n: int) -> mpmath.mpf:
    sign = -1 if x < 0 and n % 2 else 1
    half = mpmath.mpf(1) / 2
    return sign * mpmath.sqrt(mpmath.pi / 2 / abs(x)) * mpmath.besselj(n + half, abs(x))


FAMILIES = {
    "bessel_jn": lambda x, n: mpmath.besselj(n, x),
    "bessel_yn": lambda x, n: mpmath.bessely(n, x),
    "modified_bessel_in": lambda x, n: mpmath.besseli(n, x),
    "scaled_modified_bessel_k0_derivative": moment,
    "spherical_bessel_jn": spherical,
    "airy_ai_derivative": airy,
}
POSITIVE = ("bessel_yn", "scaled_modified_bessel_k0_derivative")

every = pytest.mark.parametrize("name", FAMILIES)


def op(name: str):
    return getattr(pg.ops.special, name)


@every
@pytest.mark.parametrize("n", [0, 1, 2, 3, 5, 8, 12])
def test_orders(name: str, n: int) -> None:
    points = [1e-3, 0.7, 1.9, 2.1, 3.9, 4.1, 7.7, 8.6, 12.3, 16.4, 25.2, 60.1]
    if name not in POSITIVE:
        points += [-x for x in points]
    found = op(name)(torch.tensor(points, dtype=torch.float64), n)
    with mpmath.workdps(60):
        for x, value in zip(points, found.tolist(), strict=True):
            expected = float(FAMILIES[name](mpmath.mpf(x), n))
            assert value == pytest.approx(expected, rel=2e-12, abs=0), x


@pytest.mark.parametrize("n", [21, 60, 200])
@pytest.mark.parametrize(
    "name", ["bessel_jn", "bessel_yn", "modified_bessel_in", "spherical_bessel_jn"]
)
def test_high_orders(name: str, n: int) -> None:
    points = [0.3, 1.9, 4.1, 9.1, 16.4, 20.9, 21.3, 59.8, 61.0, 110.0, 150.0, 199.7, 230.5, 650.0]
    found = op(name)(torch.tensor(points, dtype=torch.float64), n)
    with mpmath.workdps(60):
        for x, value in zip(points, found.tolist(), strict=True):
            expected = float(FAMILIES[name](mpmath.mpf(x), n))
            assert value == pytest.approx(expected, rel=1e-12, abs=1e-300), x


@pytest.mark.parametrize("n", [21, 60])
def test_high_derivatives_of_scaled_k0(n: int) -> None:
    points = torch.tensor([0.1, 1.9, 2.1, 8.6, 60.1], dtype=torch.float64)
    found = pg.ops.special.scaled_modified_bessel_k0_derivative(points, n)
    with mpmath.workdps(150):
        for x, value in zip(points.tolist(), found.tolist(), strict=True):
            assert value == pytest.approx(float(moment(mpmath.mpf(x), n)), rel=1e-12, abs=0), x


@every
def test_orders_below_0_are_refused(name: str) -> None:
    with pytest.raises(ValueError, match=f"there is no {name} of order -1\n  fix: give an order"):
        op(name)(torch.ones(2), -1)


@every
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.int64, torch.bool])
def test_dtypes_are_those_of_the_kernels(name: str, dtype: torch.dtype) -> None:
    x = torch.ones(3, dtype=dtype)
    assert op(name)(x, 1).dtype is torch.special.bessel_j0(x).dtype
    with pytest.raises(RuntimeError, match="not implemented"):
        op(name)(torch.ones(3, dtype=torch.float16), 1)


@every
def test_large_tensors_are_evaluated_in_parts(name: str) -> None:
    x = torch.linspace(0.1, 30, 100 * 101, dtype=torch.float64).view(100, 101).t()
    found = op(name)(x, 1)
    assert found.stride() == torch.special.bessel_j0(x).stride()
    rows = torch.stack([op(name)(row, 1) for row in x])
    torch.testing.assert_close(found, rows, rtol=1e-14, atol=1e-16)
