"""igamma_derivative: the derivatives of P(a, x) in a."""

from __future__ import annotations

from collections.abc import Iterator

from torch import Tensor

from plugrad import Context, Function, Sample, SampleMaker, op
from plugrad_special import _gamma_reference
from plugrad_special.ops import _gamma_samples, _incomplete_gamma
from plugrad_special.ops._order import check_order
from plugrad_special.ops.gamma_density import GammaDensity


@op(
    "special::igamma_derivative",
    methods=("igamma_derivative",),
    reference=_gamma_reference.igamma_derivative,
    broadcasts=True,
    elementwise=True,
)
class IgammaDerivative(Function):
    """z = d^n/da^n P(a, x), n >= 1;  ga = gz z(n+1), gx = gz d^n/da^n g(a, x).

    z(n) is the n-th derivative, g the density (``gamma_density``). That of Q = 1 - P is -z.

    By a series or by quadrature, see ``_incomplete_gamma``; in float64 whatever the input is,
    and right relative to itself in both tails, to 1e-12 up to n = 10; by n = 20 half the digits
    are lost. Edges as in ``igamma``.
    """

    @staticmethod
    def forward(ctx: Context, a: Tensor, x: Tensor, n: int = 1) -> Tensor:
        check_order("igamma_derivative", n, 1)
        ctx.save_for_backward(a, x)
        ctx.n = n
        return _incomplete_gamma.cumulative_derivative(a, x, n)

    @staticmethod
    def backward(ctx: Context, gz: Tensor) -> tuple[Tensor | None, Tensor | None]:
        need_ga, need_gx, *_ = ctx.needs_input_grad
        a, x = ctx.saved_tensors
        ga = gz * IgammaDerivative.apply(a, x, ctx.n + 1) if need_ga else None
        gx = gz * GammaDensity.apply(a, x, ctx.n) if need_gx else None
        return ga, gx

    @staticmethod
    def samples(make: SampleMaker) -> Iterator[Sample]:
        yield from _gamma_samples.samples(make)
        yield from _gamma_samples.samples_of_order(make, 2)
        yield from _gamma_samples.samples_of_order(make, 3)
        yield Sample(make(3), make(3), 0).raises(ValueError, "order 0")
