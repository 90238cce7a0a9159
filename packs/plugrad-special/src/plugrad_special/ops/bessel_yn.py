"""bessel_yn: the Bessel functions of the second kind of integer order, to full precision."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor

from plugrad import Context, Function, Sample, SampleMaker, op
from plugrad_special import _bessel_reference
from plugrad_special.ops._bessel import in_double
from plugrad_special.ops._bessel_y import bessel_y
from plugrad_special.ops._order import check_order


@op(
    "special::bessel_yn",
    reference=_bessel_reference.family(_bessel_reference.bessel_y),
    elementwise=True,
)
class BesselYn(Function):
    """y = Y_n(x), n = 0, 1, ...;  gx = gy (Y_(n-1)(x) - Y_(n+1)(x)) / 2; -gy Y_1(x) for n = 0.

    DLMF 10.6.1. torch has no such function, and its Y_0 and Y_1 lose half their digits near 5, and
    more far out: this is what the derivatives of these are made of. Up to 4 it is the power series
    (DLMF 10.8.1), beyond Hankel's integral by the trapezoidal rule. Computed in float64, whatever
    the dtype. -inf at 0, where the slope is inf; both are nan below.
    """

    @staticmethod
    def forward(ctx: Context, x: Tensor, n: int) -> Tensor:
        check_order("bessel_yn", n, 0)
        ctx.save_for_backward(x)
        ctx.n = n
        return in_double(lambda x: bessel_y(x, n), x)

    @staticmethod
    def backward(ctx: Context, gy: Tensor) -> tuple[Tensor, None]:
        (x,) = ctx.saved_tensors
        return gy * slope(x, ctx.n), None

    @staticmethod
    def samples(make: SampleMaker) -> Iterator[Sample]:
        yield Sample(make(3, 4, low=0.2), 0)
        yield Sample(make(3, 4, low=0.2), 1)
        yield Sample(make(5, low=2, high=30), 0)
        yield Sample(make(5, low=2, high=30), n=1)
        yield Sample(make(5, low=2, high=30), 4)
        yield Sample(make(low=0.2), 2)
        yield Sample(make(0, 3), 1)
        yield Sample(make.tensor([1e-200, 1e-9, 0.01, 4.0, 200.0]), 0)
        yield Sample(make.tensor([1e-9, 0.01, 4.0, 200.0]), 1)
        yield Sample(make.tensor([0.0, 1.0, -1.0]), 1)
        yield Sample(make(3), -1).raises(ValueError, "order -1")


def slope(x: Any, n: int) -> Any:
    """The derivative of Y_n, of a tensor or a Variable."""
    if n == 0:
        return -BesselYn.apply(x, 1)
    # Near 0 the second term is infinite, or beyond all digits of the first, which may be so too.
    lower = BesselYn.apply(torch.where(x > torch.finfo(x.dtype).tiny ** 0.25, x, 1.0), n - 1)
    return (lower - BesselYn.apply(x, n + 1)) / 2
