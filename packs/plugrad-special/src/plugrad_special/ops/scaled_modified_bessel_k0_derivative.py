"""scaled_modified_bessel_k0_derivative: the derivatives of e^x K_0(x)."""

from __future__ import annotations

from collections.abc import Iterator

from torch import Tensor

from plugrad import Context, Function, Sample, SampleMaker, op
from plugrad_special import _bessel_reference
from plugrad_special.ops._bessel import in_double
from plugrad_special.ops._order import check_order
from plugrad_special.ops._scaled_bessel_k import scaled_bessel_k0_derivative


@op(
    "special::scaled_modified_bessel_k0_derivative",
    reference=_bessel_reference.family(_bessel_reference.scaled_modified_bessel_k0),
    elementwise=True,
)
class ScaledModifiedBesselK0Derivative(Function):
    """y = d^n/dx^n e^x K_0(x), n = 0, 1, ...;  gx = gy times the same for n + 1.

    From x = 2 on it is (-1)^n times the integral of (cosh t - 1)^n e^(-x (cosh t - 1)) over t > 0
    (DLMF 10.32.9) by the trapezoidal rule; below, what Bessel's equation gives from torch's e^x K_0
    and e^x K_1. Computed in float64, whatever the dtype. Infinite at 0 and nan below.
    """

    @staticmethod
    def forward(ctx: Context, x: Tensor, n: int = 1) -> Tensor:
        check_order("scaled_modified_bessel_k0_derivative", n, 0)
        ctx.save_for_backward(x)
        ctx.n = n
        return in_double(lambda x: scaled_bessel_k0_derivative(x, n), x)

    @staticmethod
    def backward(ctx: Context, gy: Tensor) -> tuple[Tensor, None]:
        (x,) = ctx.saved_tensors
        return gy * ScaledModifiedBesselK0Derivative.apply(x, ctx.n + 1), None

    @staticmethod
    def samples(make: SampleMaker) -> Iterator[Sample]:
        yield Sample(make(3, 4, low=0.2))
        yield Sample(make(5, low=0.2, high=30), 0)
        yield Sample(make(5, low=0.2, high=30), n=2)
        yield Sample(make(low=0.2), 1)
        yield Sample(make(0, 3))
        yield Sample(make.tensor([0.01, 2.0, 700.0]))
        yield Sample(make.tensor([0.0, 1.0, -1.0]))
        yield Sample(make(3), -1).raises(ValueError, "order -1")
