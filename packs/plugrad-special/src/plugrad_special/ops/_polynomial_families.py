"""The families of orthogonal polynomials: torch's function, and derivatives of any order."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor

from plugrad_special.ops._jacobi import Jacobi
from plugrad_special.ops._piecewise import Formula, piecewise


@dataclass(frozen=True)
class Family:
    """One of torch's families.

    Args:
        kernel: torch's function of x and n.
        derivative: of x, n and the order; float64 tensors of one shape, n >= order >= 1.
        limits: the degrees beyond which torch's kernel gives nan, by dtype.
    """

    kernel: Callable[..., Tensor]
    derivative: Formula
    limits: dict[torch.dtype, int] | None = None


# --- Jacobi's kind -------------------------------------------------------------------


def _jacobi(family: Jacobi, x: Tensor, n: Tensor, order: int) -> Tensor:
    return family.derivative(x, (1 - x.abs()) / 2, n, order)


def _shifted(family: Jacobi, x: Tensor, n: Tensor, order: int) -> Tensor:
    """For the polynomial in 2x - 1; near 0 that has lost digits of x."""
    u = torch.where(x < 0.5, x, 1 - x)
    return 2.0**order * family.derivative(2 * x - 1, u, n, order)


# --- Laguerre and Hermite ------------------------------------------------------------


def _laguerre(x: Tensor, n: Tensor, order: int) -> Tensor:
    """(-1)^k L_(n-k)^(k)(x), DLMF 18.9.23."""
    at_0 = torch.ones_like(n)
    for k in range(order):
        at_0 = at_0 * (k - n) / (k + 1)
    return at_0 * piecewise(
        [(x == 0, lambda x, _: torch.ones_like(x))], partial(_laguerre_ratio, order=order), x, n
    )


def _laguerre_ratio(x: Tensor, n: Tensor, order: int) -> Tensor:
    """It over its value at 0, by differences of neighbours."""
    m = n - order
    difference, ratio = torch.zeros_like(x), torch.ones_like(x)
    for j in range(int(m.max())):
        difference = (j * difference - x * ratio) / (j + 1 + order)
        ratio = torch.where(m > j, ratio + difference, ratio)
    return ratio


def _hermite(
    kernel: Callable[..., Tensor], factor: float, x: Tensor, n: Tensor, order: int
) -> Tensor:
    """(2n) (2n - 2) ... H_(n-k)(x), n (n - 1) ... He_(n-k)(x) (DLMF 18.9.25, 18.9.27)."""
    result = kernel(x, n - order)
    for k in range(order):
        result = result * (factor * (n - k))
    return result


# --- the table -----------------------------------------------------------------------

_special = torch.special
_HERMITE_LIMITS = {torch.float32: 128, torch.float64: 512}
_CHEBYSHEV = {
    "chebyshev_polynomial_t": Jacobi(-0.5, -0.5),
    "chebyshev_polynomial_u": Jacobi(0.5, 0.5),
    "chebyshev_polynomial_v": Jacobi(-0.5, 0.5),
    "chebyshev_polynomial_w": Jacobi(0.5, -0.5),
}

FAMILIES: dict[str, Family] = {
    "hermite_polynomial_h": Family(
        _special.hermite_polynomial_h,
        partial(_hermite, _special.hermite_polynomial_h, 2.0),
        _HERMITE_LIMITS,
    ),
    "hermite_polynomial_he": Family(
        _special.hermite_polynomial_he,
        partial(_hermite, _special.hermite_polynomial_he, 1.0),
        _HERMITE_LIMITS,
    ),
    "laguerre_polynomial_l": Family(_special.laguerre_polynomial_l, _laguerre),
    "legendre_polynomial_p": Family(
        _special.legendre_polynomial_p, partial(_jacobi, Jacobi(0.0, 0.0))
    ),
}
for _name, _kind in _CHEBYSHEV.items():
    FAMILIES[_name] = Family(getattr(_special, _name), partial(_jacobi, _kind))
    _name = f"shifted_{_name}"
    FAMILIES[_name] = Family(getattr(_special, _name), partial(_shifted, _kind))


def derivative(family: Family, x: Tensor, n: Tensor | float, order: int) -> Tensor:
    """The derivative of torch's function, in its shape and dtype, computed in float64.

    torch casts n to the result's dtype and drops the fraction; its polynomial is 0 where
    that is negative or too large for an int64.
    """
    dtype = torch.result_type(x, n)
    if dtype.is_complex or dtype in (torch.float16, torch.bfloat16):
        raise NotImplementedError(f"torch has no orthogonal polynomials in {dtype}")
    dtype = dtype if dtype.is_floating_point else torch.get_default_dtype()
    if x.is_meta:
        return family.kernel(x, n)
    if not isinstance(n, Tensor):
        # All its digits, as torch takes them: 2.9999999999 would be 3 in float32.
        n = torch.tensor(n, dtype=torch.float64 if isinstance(n, float) else None)
    degrees = n.to(x.device, dtype).to(torch.float64).trunc()
    degrees = torch.where(degrees.abs() < 2.0**63, degrees, -1.0)
    wide, degrees = torch.broadcast_tensors(  # type: ignore[no-untyped-call]
        x.to(torch.float64), degrees
    )
    pieces: list[tuple[Tensor, Formula]] = [(degrees < order, lambda x, _: torch.zeros_like(x))]
    if family.limits is not None:
        beyond = degrees > family.limits[dtype]
        pieces.append((beyond, lambda x, _: torch.full_like(x, torch.nan)))
    formula = partial(family.derivative, order=order)
    return piecewise(pieces, formula, wide, degrees).to(dtype)
