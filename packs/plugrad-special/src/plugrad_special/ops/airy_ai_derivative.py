"""airy_ai_derivative: the derivatives of the Airy function Ai, to full precision."""

from __future__ import annotations

from collections.abc import Iterator

from torch import Tensor

from plugrad import Context, Function, Sample, SampleMaker, op
from plugrad_special import _bessel_reference
from plugrad_special.ops._airy import airy_derivative
from plugrad_special.ops._bessel import in_double
from plugrad_special.ops._order import check_order


@op(
    "special::airy_ai_derivative",
    reference=_bessel_reference.family(_bessel_reference.airy_ai),
    elementwise=True,
)
class AiryAiDerivative(Function):
    """y = d^n/dx^n Ai(x), n = 0, 1, ..., by default Ai';  gx = gy times the same for n + 1.

    torch has no Ai', and its Ai loses half its digits between -5 and -2, and all far below. Up to
    |x| = 2 it is Maclaurin's series (DLMF 9.4.1), beyond an integral along the path of steepest
    descent (DLMF 9.5.7), and for n >= 2 what Airy's equation Ai'' = x Ai gives. Computed in
    float64, whatever the dtype. The phase far below is kept in two numbers; it has its digits down
    to -1e13, none below about -1e18. Where Ai decays each order loses some: at n = 20 four, at
    n = 60 all.
    """

    @staticmethod
    def forward(ctx: Context, x: Tensor, n: int = 1) -> Tensor:
        check_order("airy_ai_derivative", n, 0)
        ctx.save_for_backward(x)
        ctx.n = n
        return in_double(lambda x: airy_derivative(x, n), x)

    @staticmethod
    def backward(ctx: Context, gy: Tensor) -> tuple[Tensor, None]:
        (x,) = ctx.saved_tensors
        return gy * AiryAiDerivative.apply(x, ctx.n + 1), None

    @staticmethod
    def samples(make: SampleMaker) -> Iterator[Sample]:
        yield Sample(make(3, 4))
        yield Sample(make(5, low=-20, high=10), 0)
        yield Sample(make(5, low=-20, high=10), n=1)
        yield Sample(make(5, low=-20, high=10), 3)
        yield Sample(make(5, low=20, high=60), 1)
        yield Sample(make(), 1)
        yield Sample(make(0, 3))
        yield Sample(make.tensor([0.0, -0.0, 1e-9, -2.0, -50.0, 8.0, 200.0]))
        yield Sample(make(3), -1).raises(ValueError, "order -1")
