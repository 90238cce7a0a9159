"""modified_bessel_in: the modified Bessel functions of the first kind of integer order."""

from __future__ import annotations

from collections.abc import Iterator

from torch import Tensor

from plugrad import Context, Function, Sample, SampleMaker, op
from plugrad_special import _bessel_reference
from plugrad_special.ops._bessel import in_double
from plugrad_special.ops._bessel_i import bessel_i
from plugrad_special.ops._order import check_order


@op(
    "special::modified_bessel_in",
    reference=_bessel_reference.family(_bessel_reference.modified_bessel_i),
    elementwise=True,
)
class ModifiedBesselIn(Function):
    """y = I_n(x), n = 0, 1, ...;  gx = gy (I_(n-1)(x) + I_(n+1)(x)) / 2; gy I_1(x) for n = 0.

    DLMF 10.29.1. torch has no such function; the derivatives of its I_0 and I_1 are made of these,
    since what has no 1/x in it loses no digits near 0. From torch's I_0 and I_1, by recurrence
    upward for large |x|, elsewhere by that of the ratios I_n / I_(n-1) downward. Computed in
    float64, whatever the dtype.
    """

    @staticmethod
    def forward(ctx: Context, x: Tensor, n: int) -> Tensor:
        check_order("modified_bessel_in", n, 0)
        ctx.save_for_backward(x)
        ctx.n = n
        return in_double(lambda x: bessel_i(x, n), x)

    @staticmethod
    def backward(ctx: Context, gy: Tensor) -> tuple[Tensor, None]:
        (x,) = ctx.saved_tensors
        if ctx.n == 0:
            return gy * ModifiedBesselIn.apply(x, 1), None
        higher = ModifiedBesselIn.apply(x, ctx.n + 1)
        return gy * (ModifiedBesselIn.apply(x, ctx.n - 1) + higher) / 2, None

    @staticmethod
    def samples(make: SampleMaker) -> Iterator[Sample]:
        yield Sample(make(3, 4), 0)
        yield Sample(make(3, 4), 1)
        yield Sample(make(5, low=-30, high=30), 0)
        yield Sample(make(5, low=-30, high=30), n=1)
        yield Sample(make(5, low=-30, high=30), 2)
        yield Sample(make(5, low=-30, high=30), 5)
        yield Sample(make(), 3)
        yield Sample(make(0, 3), 1)
        yield Sample(make.tensor([0.0, -0.0, 1e-200, 1e-9, 9.0]), 0)
        yield Sample(make.tensor([0.0, -0.0, 1e-200, 1e-9, 9.0]), 1)
        yield Sample(make(3), -1).raises(ValueError, "order -1")
