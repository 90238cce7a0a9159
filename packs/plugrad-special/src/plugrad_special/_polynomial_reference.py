"""Exact values of the orthogonal polynomials and of their derivatives, by mpmath: for checks.

torch differentiates ``exact(name)`` to any order. The derivatives come from the families'
three-term recurrences, differentiated: other formulas than the pack's own.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import lru_cache, partial
from typing import Any

import torch
from torch import Tensor

#: Digits enough for degrees of some hundreds.
_DIGITS = 60


@lru_cache(maxsize=1 << 16)
def value(name: str, x: float, n: int, order: int = 0, digits: int = _DIGITS) -> Any:
    """The derivative of this order (0: the polynomial) as an mpmath number."""
    import mpmath

    if n < order:
        return mpmath.mpf(0)
    with mpmath.workdps(digits):
        shifted = name.startswith("shifted_")
        family, t = name.removeprefix("shifted_"), mpmath.mpf(x)
        derivatives = _derivatives(family, 2 * t - 1 if shifted else t, n, order)
        return +derivatives[order] * (2**order if shifted else 1)


def _derivatives(family: str, x: Any, n: int, order: int) -> list[Any]:
    """All derivatives up to ``order``, of p_(j+1) = (a x + b) p_j - c p_(j-1)."""
    slope, start = _FIRST[family]
    one = x**0
    last = [0 * one] * (order + 1)
    now = [one, *[0 * one] * order]
    for j in range(n):
        a, b, c = (slope, start, 0) if j == 0 else _STEP[family](one, j)
        after = [(a * x + b) * now[k] - c * last[k] for k in range(order + 1)]
        for k in range(1, order + 1):
            after[k] += k * a * now[k - 1]
        last, now = now, after
    return now


#: The polynomial of degree 1.
_FIRST = {
    "chebyshev_polynomial_t": (1, 0),
    "chebyshev_polynomial_u": (2, 0),
    "chebyshev_polynomial_v": (2, -1),
    "chebyshev_polynomial_w": (2, 1),
    "hermite_polynomial_h": (2, 0),
    "hermite_polynomial_he": (1, 0),
    "laguerre_polynomial_l": (-1, 1),
    "legendre_polynomial_p": (1, 0),
}


#: a, b and c for each j (DLMF 18.9.1 and table 18.9.1), with numbers of mpmath's in place of 1.
_STEP: dict[str, Callable[[Any, int], tuple[Any, Any, Any]]] = {
    **dict.fromkeys(_FIRST, lambda one, _: (2 * one, 0, one)),
    "hermite_polynomial_h": lambda one, j: (2 * one, 0, 2 * j),
    "hermite_polynomial_he": lambda one, j: (one, 0, j),
    "laguerre_polynomial_l": lambda one, j: (
        -one / (j + 1),
        (2 * j + one) / (j + 1),
        j * one / (j + 1),
    ),
    "legendre_polynomial_p": lambda one, j: ((2 * j + one) / (j + 1), 0, j * one / (j + 1)),
}


def exact(name: str) -> Callable[..., Tensor]:
    """What torch's function of this name is to be: exact, and differentiable in x."""
    return partial(_evaluate, name=name, order=0)


def exact_derivative(x: Tensor, n: Any, family: str, order: int) -> Tensor:
    """The derivative of torch's function ``family``; of order 1 or higher."""
    if order < 1:
        raise ValueError("there is no derivative of this order")
    return _evaluate(x, n, family, order)


def _evaluate(x: Any, n: Any, name: str, order: int) -> Tensor:
    # What torch's function refuses this refuses, and shape and dtype are its too.
    plain = [v.detach() if isinstance(v, Tensor) else v for v in (x, n)]
    like: Tensor = getattr(torch.special, name)(*plain)
    if not isinstance(x, Tensor):
        x = torch.tensor(x, dtype=like.dtype)
    if not isinstance(n, Tensor):
        n = torch.tensor(n, dtype=torch.float64 if isinstance(n, float) else None)
    degrees = n.detach()
    if like.is_meta:
        return like
    degrees = degrees.to(like.dtype).to(torch.float64).broadcast_to(like.shape)
    result: Tensor = _Exact.apply(  # type: ignore[no-untyped-call]
        x.broadcast_to(like.shape).to(like.dtype), degrees, name, order
    )
    return result


class _Exact(torch.autograd.Function):
    """The derivative of an order, whose derivative is that of the next."""

    @staticmethod
    def forward(x: Tensor, degrees: Tensor, name: str, order: int) -> Tensor:
        elements = zip(x.flatten().tolist(), degrees.flatten().tolist(), strict=True)
        values = [_number(name, t, n, order, x.dtype) for t, n in elements]
        return torch.tensor(values, dtype=torch.float64).to(x.dtype).reshape(x.shape)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:
        x, degrees, ctx.name, ctx.order = inputs
        ctx.save_for_backward(x, degrees)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Any, ...]:
        x, degrees = ctx.saved_tensors
        slope = _Exact.apply(x, degrees, ctx.name, ctx.order + 1)  # type: ignore[no-untyped-call]
        return gradients[0] * slope, None, None, None

    @staticmethod
    def vmap(info: Any, in_dims: tuple[Any, ...], *args: Any) -> Any:
        """Elementwise: the batch is one more dimension."""
        x, degrees, name, order = args
        sizes = (info.batch_size,)
        x, degrees = (
            t.movedim(d, 0) if d is not None else t.expand(*sizes, *t.shape)
            for t, d in zip((x, degrees), in_dims[:2], strict=True)
        )
        return _Exact.apply(x, degrees, name, order), 0  # type: ignore[no-untyped-call]


def _number(name: str, x: float, n: float, order: int, dtype: torch.dtype) -> float:
    degree = int(n) if math.isfinite(n) and abs(n) < 2**63 else -1
    if degree < order:
        return 0.0
    limit = 128 if dtype is torch.float32 else 512
    if not math.isfinite(x) or (name.startswith("hermite") and degree > limit):
        kernel = getattr(torch.special, name)  # what is nan or infinite is torch's to say
        return float(kernel(torch.tensor(x, dtype=dtype), degree)) if order == 0 else math.nan
    try:
        return float(value(name, x, degree, order))
    except OverflowError:
        return math.nan
