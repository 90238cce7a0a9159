"""t[k] = g[k] + factors[k] t[k+1], which the gradient of cumprod is made of."""

from __future__ import annotations

from collections.abc import Callable
from operator import mul

import torch
from torch import Tensor

from plugrad.ops.elementwise._absorbing import absorbing_mul


def recurrence(
    g: Tensor, factors: Tensor, dim: int, product: Callable[[Tensor, Tensor], Tensor] = mul
) -> Tensor:
    """t[k] for all k at once, in about log2(n) steps.

    After each step t[k] holds the terms up to g[k + step - 1], and ``factors[k]`` is the
    product of the original ones from k to k + step - 1.
    """
    length, step, t = g.size(dim), 1, g
    while step < length:
        rest = length - step
        longer = t.narrow(dim, 0, rest) + product(factors, t.narrow(dim, step, rest))
        t = torch.cat([longer, t.narrow(dim, rest, step)], dim)
        pairs = max(rest - step, 0)
        ahead = factors.narrow(dim, rest - pairs, pairs)
        factors = product(factors.narrow(dim, 0, pairs), ahead)
        step *= 2
    return t


def product_of_finite(x: Tensor, y: Tensor) -> Tensor:
    """The product, but 0 where x or y is: what is infinite has overflowed, or is a cotangent's."""
    return torch.where(y == 0, absorbing_mul(y, x), absorbing_mul(x, y))


def absorbing_recurrence(g: Tensor, factors: Tensor, last: Tensor, dim: int) -> Tensor:
    """t[k] times last[k], where some are infinite: what nobody asks about adds nothing.

    Nobody asks about a t[k] if every g[k] that has gone into it is 0.
    """
    length, step, t, asked = g.size(dim), 1, g, g != 0
    while step < length:
        rest = length - step
        later, asked_later = t.narrow(dim, step, rest), asked.narrow(dim, step, rest)
        longer = t.narrow(dim, 0, rest) + _product(later, asked_later, factors)
        t = torch.cat([longer, t.narrow(dim, rest, step)], dim)
        either = asked.narrow(dim, 0, rest) | asked_later
        asked = torch.cat([either, asked.narrow(dim, rest, step)], dim)
        pairs = max(rest - step, 0)
        ahead = factors.narrow(dim, rest - pairs, pairs)
        factors = absorbing_mul(factors.narrow(dim, 0, pairs), ahead, True)
        step *= 2
    return _product(t, asked, last)


def _product(t: Tensor, asked: Tensor, factors: Tensor) -> Tensor:
    return torch.where(asked, absorbing_mul(t, factors, True), absorbing_mul(t, factors))
