"""bessel_jn: the Bessel functions of the first kind of integer order, to full precision."""

from __future__ import annotations

from collections.abc import Iterator

from torch import Tensor

from plugrad import Context, Function, Sample, SampleMaker, op
from plugrad_special import _bessel_reference
from plugrad_special.ops._bessel import in_double
from plugrad_special.ops._bessel_j import bessel_j
from plugrad_special.ops._order import check_order


@op(
    "special::bessel_jn",
    reference=_bessel_reference.family(_bessel_reference.bessel_j),
    elementwise=True,
)
class BesselJn(Function):
    """y = J_n(x), n = 0, 1, ...;  gx = gy (J_(n-1)(x) - J_(n+1)(x)) / 2; -gy J_1(x) for n = 0.

    DLMF 10.6.1. torch has no such function, and its J_0 and J_1 lose half their digits near 5, and
    more far out: this is what the derivatives of these are made of. Up to 4 it is the power series
    (DLMF 10.2.2), beyond recurrence from Hankel's integral by the trapezoidal rule. Computed in
    float64, whatever the dtype.
    """

    @staticmethod
    def forward(ctx: Context, x: Tensor, n: int) -> Tensor:
        check_order("bessel_jn", n, 0)
        ctx.save_for_backward(x)
        ctx.n = n
        return in_double(lambda x: bessel_j(x, n), x)

    @staticmethod
    def backward(ctx: Context, gy: Tensor) -> tuple[Tensor, None]:
        (x,) = ctx.saved_tensors
        if ctx.n == 0:
            return -gy * BesselJn.apply(x, 1), None
        return gy * (BesselJn.apply(x, ctx.n - 1) - BesselJn.apply(x, ctx.n + 1)) / 2, None

    @staticmethod
    def samples(make: SampleMaker) -> Iterator[Sample]:
        yield Sample(make(3, 4), 0)
        yield Sample(make(3, 4), 1)
        yield Sample(make(5, low=-30, high=30), 0)
        yield Sample(make(5, low=-30, high=30), n=1)
        yield Sample(make(5, low=-30, high=30), 2)
        yield Sample(make(5, low=-30, high=30), 7)
        yield Sample(make(), 3)
        yield Sample(make(0, 3), 1)
        yield Sample(make.tensor([0.0, -0.0, 1e-200, 1e-9, 4.0, -200.0]), 0)
        yield Sample(make.tensor([0.0, -0.0, 1e-200, 1e-9, 4.0, -200.0]), 1)
        yield Sample(make(3), -1).raises(ValueError, "order -1")
