"""spherical_bessel_jn: the spherical Bessel functions of the first kind."""

from __future__ import annotations

from collections.abc import Iterator

from torch import Tensor

from plugrad import Context, Function, Sample, SampleMaker, op
from plugrad_special import _bessel_reference
from plugrad_special.ops._bessel import in_double
from plugrad_special.ops._order import check_order
from plugrad_special.ops._spherical_bessel_j import spherical_bessel_j


@op(
    "special::spherical_bessel_jn",
    reference=_bessel_reference.family(_bessel_reference.spherical_bessel_j),
    elementwise=True,
)
class SphericalBesselJn(Function):
    """y = j_n(x), n = 0, 1, ...;  gx = gy (n j_(n-1)(x) - (n + 1) j_(n+1)(x)) / (2 n + 1).

    DLMF 10.51.1. torch has no such function; the derivatives of its j_0 are made of these. Up to 2
    it is the power series (DLMF 10.53.1), beyond recurrence, upward while n is below x. Computed in
    float64, whatever the dtype. 0 at inf.
    """

    @staticmethod
    def forward(ctx: Context, x: Tensor, n: int) -> Tensor:
        check_order("spherical_bessel_jn", n, 0)
        ctx.save_for_backward(x)
        ctx.n = n
        return in_double(lambda x: spherical_bessel_j(x, n), x)

    @staticmethod
    def backward(ctx: Context, gy: Tensor) -> tuple[Tensor, None]:
        (x,) = ctx.saved_tensors
        n = ctx.n
        higher = SphericalBesselJn.apply(x, n + 1)
        if n == 0:
            return -gy * higher, None
        lower = SphericalBesselJn.apply(x, n - 1)
        return gy * (n * lower - (n + 1) * higher) / (2 * n + 1), None

    @staticmethod
    def samples(make: SampleMaker) -> Iterator[Sample]:
        yield Sample(make(3, 4), 0)
        yield Sample(make(3, 4), 1)
        yield Sample(make(5, low=-30, high=30), 0)
        yield Sample(make(5, low=-30, high=30), n=1)
        yield Sample(make(5, low=-30, high=30), 4)
        yield Sample(make(), 2)
        yield Sample(make(0, 3), 1)
        yield Sample(make.tensor([0.0, -0.0, 1e-200, 1e-9, 0.5, 2.0, -200.0]), 0)
        yield Sample(make.tensor([0.0, -0.0, 1e-200, 1e-9, 0.5, 2.0, -200.0]), 1)
        yield Sample(make(3), -1).raises(ValueError, "order -1")
