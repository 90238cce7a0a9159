"""gamma_density: the gamma distribution's density, and its derivatives in the shape a."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor

from plugrad.core import Context, Function, Sample, SampleMaker, op
from plugrad_special import _gamma_reference
from plugrad_special.ops import _gamma_samples, _incomplete_gamma


@op(
    "special::gamma_density",
    methods=("gamma_density",),
    reference=_gamma_reference.gamma_density,
    broadcasts=True,
    elementwise=True,
)
class GammaDensity(Function):
    """z = d^n/da^n x^(a-1) e^-x / Gamma(a);  ga = gz z(n+1), gx as below.

    It is the derivative of P(a, x) in x (DLMF 8.8.13). gx = gz ((a-1)/x - 1) z + n z(n-1) / x,
    where z(n) is the n-th derivative; at x = 0 that is z(a-1, 0) - z(a, 0), the same.

    Computed in float64 whatever the input is. At x = 0 z is its limit, that may be infinite,
    at inf 0; for x < 0, and for a < 0 if x > 0, nan.
    """

    @staticmethod
    def forward(ctx: Context, a: Tensor, x: Tensor, n: int = 0) -> Tensor:
        ctx.save_for_backward(a, x)
        ctx.n = n
        return _incomplete_gamma.density_derivative(a, x, n)

    @staticmethod
    def backward(ctx: Context, gz: Tensor) -> tuple[Tensor | None, Tensor | None]:
        need_ga, need_gx, *_ = ctx.needs_input_grad
        a, x = ctx.saved_tensors
        ga = gz * GammaDensity.apply(a, x, ctx.n + 1) if need_ga else None
        gx = gz * _slope_in_x(a, x, ctx.n) if need_gx else None
        return ga, gx

    @staticmethod
    def samples(make: SampleMaker) -> Iterator[Sample]:
        yield from _gamma_samples.samples(make)
        yield from _gamma_samples.samples_of_order(make, 1)
        yield from _gamma_samples.samples_of_order(make, 2)


def _slope_in_x(a: Any, x: Any, n: int) -> Any:
    at_0 = x == 0
    return torch.where(at_0, _slope_at_0(a, x, n, at_0), _slope_inside(a, x, n, at_0))


def _slope_inside(a: Any, x: Any, n: int, at_0: Any) -> Any:
    x = torch.where(at_0, 1.0, x)
    # Where a or x is infinite the density is 0, whatever it is multiplied by.
    finite_a, finite_x = torch.where(a == math.inf, 1.0, a), torch.where(x == math.inf, 1.0, x)
    slope = ((finite_a - 1 - finite_x) / finite_x) * GammaDensity.apply(a, x, n)
    return slope + n / x * GammaDensity.apply(a, x, n - 1) if n else slope


def _slope_at_0(a: Any, x: Any, n: int, at_0: Any) -> Any:
    # Elsewhere a large a, for which all is 0: else the unused half could be 0 times inf.
    a, x = torch.where(at_0, a, 1000.0), torch.where(at_0, x, 0.0)
    return GammaDensity.apply(a - 1, x, n) - GammaDensity.apply(a, x, n)
