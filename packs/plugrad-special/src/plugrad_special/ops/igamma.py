"""igamma: the regularized lower incomplete gamma function."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from plugrad import Context, Function, Sample, SampleMaker, op
from plugrad_special import _gamma_reference
from plugrad_special.ops import _gamma_samples
from plugrad_special.ops.gamma_density import GammaDensity
from plugrad_special.ops.igamma_derivative import IgammaDerivative


@op(
    "special::igamma",
    methods=("igamma",),
    overrides=(torch.igamma, torch.special.gammainc),
    reference=_gamma_reference.igamma,
    broadcasts=True,
    elementwise=True,
    inplace=True,
)
class Igamma(Function):
    """p = P(a, x), g(a, t) integrated from 0 to x;  gx = gp g(a, x), ga = gp dP/da.

    g(a, x) = x^(a-1) e^-x / Gamma(a) is the gamma distribution's density (DLMF 8.2.4),
    ``gamma_density``; dP/da is ``igamma_derivative``.

    At x = 0 ga is 0, and gx is inf for a < 1, 1 for a = 1, else 0. At a = 0 torch's p is 1, the
    limit, for x > 0, and ga is -E1(x), the slope from the right. At inf the gradients are 0.
    Where torch's p is nan, as for a < 0, x < 0 and a = x = 0, so are they.

    torch's kernel is right to 1e-14 in float64 for a <= 20, but for a > 20 only to 2e-9 within
    about 0.3 a of a (4.5 sqrt(a) for a > 200): its expansion there has pi in float32.
    The gradients here do not come from it.
    """

    @staticmethod
    def forward(ctx: Context, a: Tensor, x: Tensor) -> Tensor:
        ctx.save_for_backward(a, x)
        return torch.igamma(a, x)

    @staticmethod
    def backward(ctx: Context, gp: Tensor) -> tuple[Tensor | None, Tensor | None]:
        need_ga, need_gx = ctx.needs_input_grad
        a, x = ctx.saved_tensors
        ga = gp * IgammaDerivative.apply(a, x, 1) if need_ga else None
        gx = gp * GammaDensity.apply(a, x, 0) if need_gx else None
        return ga, gx

    @staticmethod
    def samples(make: SampleMaker) -> Iterator[Sample]:
        yield from _gamma_samples.samples(make)
