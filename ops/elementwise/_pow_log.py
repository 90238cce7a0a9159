"""pow_log: a power times a power of its logarithm, which the derivatives of x^y are made of."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.overrides import handle_torch_function, has_torch_function


def pow_log(x: Tensor, y: Tensor, n: int) -> Tensor:
    """x^y log(x)^n, with its limit 0 at x = 0 for a y > 0.

    A torch function like torch's own ones in Python, so that a rule can call it on a
    tensor and on a Variable, where it becomes the op pow_log.
    """
    if has_torch_function((x, y)):
        return handle_torch_function(pow_log, (x, y), x, y, n)
    z = torch.pow(x, y)
    if n == 0:
        return z
    real = y.real if y.dtype.is_complex else y
    return torch.where((x == 0) & (real > 0), 0, z * x.to(z.dtype).log() ** n)


def base_slope(x: Any, y: Any, n: int) -> Any:
    """The derivative of pow_log in x: y x^(y-1) log(x)^n + n x^(y-1) log(x)^(n-1).

    Its value and its own derivatives are limits where x = 0. There log(x) outgrows any
    number, so that y counts as a constant and the second summand as nothing; only where
    y = 0 does the second summand remain, and without one (n = 0) nothing, with an infinite
    slope in y: the largest number stands for that, since 0 times it is 0.
    """
    if n == 0 and not has_torch_function((x, y)):
        return torch.where(y == 0, 0, y * x ** (y - 1))  # the same number, in half the time
    zero = x == 0
    corner = zero & (y == 0)
    beside = zero & ~corner
    if n == 0:  # 0 times what is there has to be 0, also of nan and where 1 / x overflows
        inverse = 1 / x.detach()
        corner = (y == 0) & ~torch.isfinite(inverse)
    power = pow_log(torch.where(corner, 1, x), y - 1, n)
    if n == 0:
        sign = torch.where(zero, 1, torch.where(torch.isnan(inverse), 0, inverse.sgn()))
        power = torch.where(corner, sign * torch.finfo(power.dtype).max, power)
    slope = torch.where(beside, y.detach(), y) * power
    if n == 0:
        return slope
    return slope + n * torch.where(beside, 0, pow_log(torch.where(beside, 1, x), y - 1, n - 1))


def exponent_slope(x: Any, y: Any, z: Any) -> Any:
    """The derivative of z = x^y in y, z log(x); 0 at x = y = 0, as in torch.

    There its limit is infinite, and so is its slope in x: the largest number again.
    """
    zero = x == 0
    if not has_torch_function((x, y)):
        ends = (y == 0) | (y.real > 0) if y.dtype.is_complex else y >= 0
        return torch.where(zero & ends, 0, z * x.log())  # the same number, in half the time
    corner = zero & (y == 0)
    slope = pow_log(torch.where(corner, 1, x), y, 1)
    return torch.where(corner, x * torch.finfo(x.dtype).max, slope)
