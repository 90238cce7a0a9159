"""What the Bessel and Airy ops are checked with: torch's kernels, SciPy's derivatives.

torch's kernels are the reference of the values, as the ops run them. SciPy's functions are that
of the derivatives, of every order. Only the checker calls this: the pack does not need SciPy.
"""

from __future__ import annotations

import importlib
import math
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

#: From float64 numbers as an array, and the order of a derivative, to its values.
Derivative = Callable[[Any, int], Any]


def reference(kernel: Callable[[Tensor], Tensor], derivative: Derivative) -> Callable[..., Tensor]:
    """A function with the kernel's values whose derivatives torch.autograd takes from SciPy."""

    def with_derivatives(x: Tensor) -> Tensor:
        value = kernel(x)
        return _differentiable(x, value, derivative) if x.requires_grad else value

    return with_derivatives


def family(member: Callable[[int], Derivative]) -> Callable[..., Tensor]:
    """A reference of ``f(x, n)``, values and all from SciPy, in the dtypes of torch's kernels."""

    def with_derivatives(x: Tensor, n: int = 1) -> Tensor:
        derivative = member(n)
        like = torch.special.bessel_j0(x.detach())
        value = like if x.device.type == "meta" else _values(x.detach(), derivative, 0).to(like)
        return _differentiable(x, value, derivative) if x.requires_grad else value

    return with_derivatives


def _differentiable(x: Tensor, value: Tensor, derivative: Derivative) -> Tensor:
    found: Tensor = _Tower.apply(x, value, derivative, 0)  # type: ignore[no-untyped-call]
    return found


class _Tower(torch.autograd.Function):
    """The derivative of some order, whose own derivative is the next."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, value: Tensor | None, derivative: Any, order: int) -> Tensor:
        ctx.save_for_backward(x)
        ctx.derivative, ctx.order = derivative, order
        return _values(x, derivative, order) if value is None else value

    @staticmethod
    def backward(ctx: Any, gy: Tensor) -> Any:
        (x,) = ctx.saved_tensors
        slope = _Tower.apply(x, None, ctx.derivative, ctx.order + 1)  # type: ignore[no-untyped-call]
        return gy * slope, None, None, None


def _values(x: Tensor, derivative: Derivative, order: int) -> Tensor:
    import numpy as np

    with np.errstate(all="ignore"):
        values = derivative(x.detach().cpu().double().contiguous().numpy(), order)
    found = torch.as_tensor(np.asarray(values, dtype=float), device=x.device)
    dtype = x.dtype if x.is_floating_point() else torch.get_default_dtype()
    # As torch lays out the result of an elementwise function.
    return torch.empty_like(x, dtype=dtype).copy_(found.reshape(x.shape))


def bessel_j(n: int) -> Derivative:
    """The derivatives of J_n."""
    return lambda x, order: _special().jvp(n, x, order)


def bessel_y(n: int) -> Derivative:
    """The derivatives of Y_n: infinite at 0, where SciPy subtracts infinities."""

    def derivative(x: Any, order: int) -> Any:
        values = _special().yvp(n, x, order)
        return _numpy().where(x == 0, -math.inf if order % 2 == 0 else math.inf, values)

    return derivative


def modified_bessel_i(n: int) -> Derivative:
    """The derivatives of I_n."""
    return lambda x, order: _special().ivp(n, x, order)


def modified_bessel_k(n: int) -> Derivative:
    """The derivatives of K_n."""
    return lambda x, order: _special().kvp(n, x, order)


def scaled_modified_bessel_k0(shift: int = 0) -> Derivative:
    """The derivatives of that of order ``shift`` of e^x K_0(x)."""

    def derivative(x: Any, order: int) -> Any:
        return _scaled(x, shift + order)

    return derivative


def scaled_modified_bessel_k1(x: Any, order: int) -> Any:
    """The derivatives of e^x K_1(x)."""
    return _scaled(x, order) - _scaled(x, order + 1)


def _scaled(x: Any, order: int) -> Any:
    """By Leibniz's rule: DLMF 10.29.5. Its terms cancel where x is large."""
    special, np = _special(), _numpy()
    terms = [
        math.comb(order, k) * math.comb(k, j) * (-0.5) ** k * special.kve(abs(k - 2 * j), x)
        for k in range(order + 1)
        for j in range(k + 1)
    ]
    values = sum(terms)
    return np.where(x == 0, math.inf if order % 2 == 0 else -math.inf, values)


def spherical_bessel_j(n: int) -> Derivative:
    """The derivatives of j_n, DLMF 10.51.1."""

    def derivative(x: Any, order: int) -> Any:
        if order == 0:
            return _spherical(n, x)
        lower = n * spherical_bessel_j(n - 1)(x, order - 1) if n else 0.0
        return (lower - (n + 1) * spherical_bessel_j(n + 1)(x, order - 1)) / (2 * n + 1)

    return derivative


def _spherical(n: int, x: Any) -> Any:
    """j_n of numbers of either sign; of those near 0 the first two terms of DLMF 10.53.1."""
    np = _numpy()
    size = np.abs(x)
    first = size**n / math.prod(range(1, 2 * n + 2, 2))
    near = first * (1 - size * size / (4 * n + 6))
    values = np.where(size < 1e-4, near, _special().spherical_jn(n, np.fmax(size, 1e-4)))
    return np.where(np.isnan(x), x, np.sign(x) ** n * values if n else values)


def airy_ai(shift: int = 0) -> Derivative:
    """The derivatives of that of order ``shift`` of Ai: Ai'' = x Ai, differentiated."""

    def derivative(x: Any, order: int) -> Any:
        ai, prime = _airy(x)
        found = [ai, prime, x * ai]
        for k in range(3, shift + order + 1):
            found.append(x * found[k - 2] + (k - 2) * found[k - 3])
        return found[shift + order]

    return derivative


def _airy(x: Any) -> tuple[Any, Any]:
    """Ai and Ai'; mpmath's where SciPy's phase is off."""
    mpmath, np = importlib.import_module("mpmath"), _numpy()
    ai, prime = (np.array(values) for values in _special().airy(x)[:2])
    with mpmath.workdps(30):
        for place in np.argwhere((x < -10) & (x > -1e9)):
            at = tuple(place)
            ai[at] = mpmath.airyai(x[at])
            prime[at] = mpmath.airyai(x[at], derivative=1)
    return ai, prime


def _special() -> Any:
    return importlib.import_module("scipy.special")


def _numpy() -> Any:
    import numpy as np

    return np
