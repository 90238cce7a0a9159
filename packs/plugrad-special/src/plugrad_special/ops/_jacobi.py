"""Derivatives of the polynomials of Jacobi's kind: Chebyshev's four and Legendre's.

Each is a multiple of the Jacobi polynomial P_n^(a,b), given by its value at 1, and so are all
derivatives, of P_(n-k)^(a+k,b+k) (DLMF 18.9.15). None is found by dividing by 1 - x^2, which
is 0/0 at the ends. As P_n^(a,b)(-x) = (-1)^n P_n^(b,a)(x) (table 18.6.1), only x >= 0 is left.
Of a polynomial we compute R = P / P(1), which is 1 at 1, as a function of u = (1 - x)/2: near
the end x is less exact than u.

- Low degrees, and Legendre's all: the three-term recurrence 18.9.1; beyond 1/2 for the
  differences of neighbours, R_(j+1) - R_j = f_j (R_j - R_(j-1)) - 2 g_j u R_j. Near the
  end the rounding errors of the plain one grow as n^2, these as n.
- High degrees, Chebyshev's: near the end the hypergeometric series in u (18.5.7), a
  Bessel function's power series as it were; elsewhere R and R' in closed form (18.5(i)),
  and the differential equation 18.8.1, differentiated, raises the order. That loses
  nothing where n theta is larger than the order, x = cos(theta). The cost does not grow
  with n.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import partial
from itertools import count

import torch
from torch import Tensor

from plugrad_special.ops._piecewise import Formula, piecewise

#: The highest degree for which Chebyshev's are computed by recurrence.
_LOW = 64


@dataclass(frozen=True)
class Jacobi:
    """A family: Chebyshev's four, where a and b are 1/2 or -1/2, or Legendre's, where both are 0.

    Args:
        a: the exponent of 1 - x in the weight.
        b: the exponent of 1 + x.
    """

    a: float
    b: float

    def derivative(self, x: Tensor, u: Tensor, n: Tensor, order: int) -> Tensor:
        """The derivative of this order at x.

        Args:
            x: the argument.
            u: (1 - |x|)/2, to full relative precision.
            n: the degrees, integers of at least ``order``.
            order: at least 1.
        """
        here = partial(self._right, order=order)
        mirrored = replace(self, a=self.b, b=self.a)

        def there(x: Tensor, u: Tensor, n: Tensor) -> Tensor:
            sign = 1 - 2 * torch.remainder(n + order, 2)
            return sign * mirrored._right(-x, u, n, order)

        return piecewise([(x < 0, there)], here, x, u, n)

    # --- x >= 0 ---
    def _right(self, x: Tensor, u: Tensor, n: Tensor, order: int) -> Tensor:
        pieces: list[tuple[Tensor, Formula]] = [
            (u == 0, lambda _x, _u, n: self._at_one(n, order)),
            (x < 0.5, partial(self._recurrence, order=order)),
        ]
        if self.a != 0:
            high = n > _LOW
            # From here on the errors of the closed forms are smaller than the series'.
            near = 2 * self._frequency(n) * u.abs().sqrt() <= _reach(order)
            pieces = [
                (high & near, partial(self._series, order=order)),
                (high & (u > 0), partial(self._trigonometric, order=order)),
                (high, partial(self._hyperbolic, order=order)),
                *pieces,
            ]
        return piecewise(pieces, partial(self._differences, order=order), x, u, n)

    def _frequency(self, n: Tensor) -> Tensor:
        """nu, what theta is multiplied with: n, n + 1/2 or n + 1."""
        return n + (self.a + self.b + 1) / 2

    def _at_one(self, n: Tensor, order: int) -> Tensor:
        """The derivative at x = 1: what the differential equation leaves there."""
        value = torch.ones_like(n)
        if self.a > 0:
            value = self._frequency(n) * (2 if self.b < 0 else 1)
        for k in range(order):
            value = value * (n - k) * (n + k + self.a + self.b + 1) / (2 * (self.a + k + 1))
        return value

    def _coefficients(self, j: int, order: int) -> tuple[float, float]:
        """The f_j and g_j of the derivative's recurrence."""
        a, b = self.a + order, self.b + order
        s = a + b
        f = j * (j + b) * (2 * j + s + 2) / ((j + 1 + a) * (j + s + 1) * (2 * j + s))
        g = (2 * j + s + 1) * (2 * j + s + 2) / (2 * (j + s + 1) * (j + 1 + a))
        return f, g

    def _recurrence(self, x: Tensor, u: Tensor, n: Tensor, order: int) -> Tensor:
        m = n - order
        before, ratio = torch.zeros_like(x), torch.ones_like(x)
        for j in range(int(m.max())):
            f, g = self._coefficients(j, order)
            # Exactly 0 where the polynomials are odd or even.
            shift = 0.0 if self.a == self.b else 1 + f - g
            after = (g * x + shift) * ratio - f * before
            before, ratio = ratio, torch.where(m > j, after, ratio)
        return ratio * self._at_one(n, order)

    def _differences(self, x: Tensor, u: Tensor, n: Tensor, order: int) -> Tensor:
        m = n - order
        difference, ratio = torch.zeros_like(x), torch.ones_like(x)
        for j in range(int(m.max())):
            f, g = self._coefficients(j, order)
            difference = f * difference - (2 * g) * u * ratio
            ratio = torch.where(m > j, ratio + difference, ratio)
        return ratio * self._at_one(n, order)

    def _series(self, x: Tensor, u: Tensor, n: Tensor, order: int) -> Tensor:
        m, a, s = n - order, self.a + order, self.a + self.b + 2 * order
        term, ratio = torch.ones_like(x), torch.ones_like(x)
        # The terms are below those of a Bessel function's series at the border of the piece.
        quarter, bound = _reach(order) ** 2 / 4, 1.0
        for j in count():
            term = term * ((j - m) * (m + s + 1 + j) * u / ((a + 1 + j) * (j + 1)))
            ratio = ratio + term
            bound *= quarter / ((a + 1 + j) * (j + 1))
            if bound < 1e-20:
                break
        return ratio * self._at_one(n, order)

    def _trigonometric(self, x: Tensor, u: Tensor, n: Tensor, order: int) -> Tensor:
        sine, cosine = u.sqrt(), (1 - u).sqrt()  # of theta/2
        nu = self._frequency(n)
        phase = 2 * nu * sine.asin()
        if self.a > 0:
            value, slope = phase.sin() / (2 * nu * sine), phase.cos() / (2 * sine)
            weight = (self.a + 0.5) * cosine / sine
        else:
            value, slope = phase.cos(), -nu * phase.sin()
            weight = torch.zeros_like(u)
        if self.b > 0:
            value, slope = value / cosine, slope / cosine
            weight = weight - (self.b + 0.5) * sine / cosine
        first = (value * weight / 2 - slope) / (2 * sine * cosine)
        return self._raised(x, u, n, order, value, first) * self._at_one(n, 0)

    def _hyperbolic(self, x: Tensor, u: Tensor, n: Tensor, order: int) -> Tensor:
        sine, cosine = (-u).sqrt(), (1 - u).sqrt()  # hyperbolic ones, of acosh(x)/2
        nu = self._frequency(n)
        phase = 2 * nu * sine.asinh()
        # All over exp(phase), which alone can overflow.
        less = (-2 * phase).exp()
        sinh, cosh = (1 - less) / 2, (1 + less) / 2
        if self.a > 0:
            value, slope = sinh / (2 * nu * sine), cosh / (2 * sine)
            weight = (self.a + 0.5) * cosine / sine
        else:
            value, slope = cosh, nu * sinh
            weight = torch.zeros_like(u)
        if self.b > 0:
            value, slope = value / cosine, slope / cosine
            weight = weight + (self.b + 0.5) * sine / cosine
        first = (slope - value * weight / 2) / (2 * sine * cosine)
        raised = self._raised(x, u, n, order, value, first) * self._at_one(n, 0)
        growth = (phase / 2).exp()
        # So far out it is infinite as soon as the order is below n/2; what is raised is 0/0.
        return torch.where(growth == math.inf, math.inf, raised * growth * growth)

    def _raised(
        self, x: Tensor, u: Tensor, n: Tensor, order: int, value: Tensor, first: Tensor
    ) -> Tensor:
        """The derivative of this order, from the two of orders 0 and 1."""
        s = self.a + self.b
        for k in range(order - 1):
            middle = ((s + 2 + 2 * k) * x + (self.a - self.b)) * first
            last = (n - k) * (n + k + s + 1) * value
            value, first = first, (middle - last) / (4 * u * (1 - u))
        return first


def _reach(order: int) -> int:
    """The nu theta up to which the series is used."""
    return 4 + order
