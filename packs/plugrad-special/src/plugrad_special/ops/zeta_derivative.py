"""zeta_derivative: the derivatives of the Hurwitz zeta function in its first argument."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor

from plugrad import Context, Function, Sample, SampleMaker, op
from plugrad_special import _gamma_reference
from plugrad_special.ops import _hurwitz_zeta
from plugrad_special.ops._order import check_order


@op(
    "special::zeta_derivative",
    methods=("zeta_derivative",),
    reference=_gamma_reference.zeta_derivative,
    broadcasts=True,
    elementwise=True,
)
class ZetaDerivative(Function):
    """z = d^n/dx^n zeta(x, q) = sum of (-ln(q+k))^n (q+k)^-x, n >= 1.

    gx = gz z(n+1), gq = -gz (x z(x + 1, n) + n z(x + 1, n - 1)), where z(n) is the n-th
    derivative and z(0) torch's zeta (the sum differentiated term by term).

    By Euler-Maclaurin summation, see ``_hurwitz_zeta``; in float64 whatever the input is.
    Defined for x > 1, q > 0. At x = 1 it is (-1)^n inf, at q = 0 inf, elsewhere nan.
    """

    @staticmethod
    def forward(ctx: Context, x: Tensor, q: Tensor, n: int = 1) -> Tensor:
        check_order("zeta_derivative", n, 1)
        z = _hurwitz_zeta.zeta_derivative(x, q, n)
        ctx.save_for_backward(x, q, z)
        ctx.n = n
        return z

    @staticmethod
    def backward(ctx: Context, gz: Tensor) -> tuple[Tensor | None, Tensor | None]:
        need_gx, need_gq, *_ = ctx.needs_input_grad
        x, q, z = ctx.saved_tensors
        gx = gz * ZetaDerivative.apply(x, q, ctx.n + 1) if need_gx else None
        gq = gz * slope_in_q(x, q, z, ctx.n) if need_gq else None
        return gx, gq

    @staticmethod
    def samples(make: SampleMaker) -> Iterator[Sample]:
        yield Sample(make(3, 4, low=1.3, high=6.0), make(3, 4, low=0.2, high=5.0), 1)
        yield Sample(make(3, 4, low=1.3, high=6.0), make(3, 4, low=0.2, high=5.0), n=2)
        yield Sample(make(3, 1, low=1.3, high=6.0), make(2, 1, 4, low=0.2, high=5.0), 3)
        yield Sample(make(3, low=1.3, high=6.0), 2.5)
        yield Sample(2.5, make(3, low=0.3, high=5.0), 2)
        yield Sample(make.tensor([1.0, 0.5, -1.0, 2.0]), make(4, low=0.3, high=3.0), 1)
        yield Sample(make.tensor([2.5, 2.0, 2.0]), make.tensor([-0.5, 0.0, 2.0]), 1)
        yield Sample(make.tensor([30.0, 30.0, 1.001, 5.0]), make.tensor([0.5, 9.0, 40.0, 1e-3]), 1)
        yield Sample(make(4, low=60.0, high=200.0), make(4, low=3.0, high=5.0), 1)
        yield Sample(make.integers(3, low=2), make(3, low=0.3), 1)
        yield Sample(make(3, low=1.3), make.integers(3, low=1), 2)
        yield Sample(make(0, 3), make(3))
        yield Sample(make(low=1.3), make(2, low=0.3))
        yield Sample(make(3), make(3), 0).raises(ValueError, "order 0")


def slope_in_q(x: Any, q: Any, z: Any, n: int) -> Any:
    """The derivative in q of z, zeta differentiated n times in x; of tensors or Variables."""
    # In float32 x + 1 would be rounded.
    x, q = (t if isinstance(t, float | int) else t.to(torch.float64) for t in (x, q))
    slope = x * _derivative(x + 1, q, n)
    if n:
        slope = slope + n * _derivative(x + 1, q, n - 1)
    # A factor, so that further derivatives are nan too.
    defined = torch.where(torch.isnan(z), math.nan, torch.ones_like(z))
    return -slope.to(z.dtype) * defined


def _derivative(x: Any, q: Any, n: int) -> Any:
    return ZetaDerivative.apply(x, q, n) if n else torch.special.zeta(x, q)
