"""gamma_density: the gamma distribution's density, and its derivatives."""

from __future__ import annotations

from collections.abc import Iterator

from torch import Tensor

from plugrad import Context, Function, Sample, SampleMaker, op
from plugrad_special import _gamma_reference
from plugrad_special.ops import _gamma_samples, _incomplete_gamma
from plugrad_special.ops._order import check_order


@op(
    "special::gamma_density",
    methods=("gamma_density",),
    reference=_gamma_reference.gamma_density,
    broadcasts=True,
    elementwise=True,
)
class GammaDensity(Function):
    """z = d^n/da^n d^m/dx^m x^(a-1) e^-x / Gamma(a);  ga, gx = gz times those for n + 1, m + 1.

    It is the derivative of P(a, x) in x (DLMF 8.8.13).

    Computed in float64 whatever the input is, see ``_incomplete_gamma``. At x = 0 z is its limit,
    that may be infinite, at inf 0; where torch's P is nan, as for a < 0, so is it.
    """

    @staticmethod
    def forward(ctx: Context, a: Tensor, x: Tensor, n: int = 0, m: int = 0) -> Tensor:
        check_order("gamma_density", n, 0)
        check_order("gamma_density", m, 0)
        ctx.save_for_backward(a, x)
        ctx.n, ctx.m = n, m
        return _incomplete_gamma.density_derivative(a, x, n, m)

    @staticmethod
    def backward(ctx: Context, gz: Tensor) -> tuple[Tensor | None, Tensor | None]:
        need_ga, need_gx, *_ = ctx.needs_input_grad
        a, x = ctx.saved_tensors
        ga = gz * GammaDensity.apply(a, x, ctx.n + 1, ctx.m) if need_ga else None
        gx = gz * GammaDensity.apply(a, x, ctx.n, ctx.m + 1) if need_gx else None
        return ga, gx

    @staticmethod
    def samples(make: SampleMaker) -> Iterator[Sample]:
        yield from _gamma_samples.samples(make)
        yield from _gamma_samples.samples_of_order(make, 1)
        yield from _gamma_samples.samples_of_order(make, 2)
        yield from _gamma_samples.samples_of_order(make, 1, m=2)
        yield Sample(make(3), make(3), -1).raises(ValueError, "order -1")
        yield Sample(make(3), make(3), 0, -1).raises(ValueError, "order -1")
