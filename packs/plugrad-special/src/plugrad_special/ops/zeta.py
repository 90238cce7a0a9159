"""zeta: the Hurwitz zeta function."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from plugrad import Context, Function, Sample, SampleMaker, op
from plugrad_special import _gamma_reference
from plugrad_special.ops.zeta_derivative import ZetaDerivative, slope_in_q


@op(
    "special::zeta",
    methods=("zeta",),
    overrides=(torch.special.zeta,),
    reference=_gamma_reference.zeta,
    broadcasts=True,
    elementwise=True,
)
class Zeta(Function):
    """z = sum over k >= 0 of (q + k)^-x;  gx = gz z', gq = -gz x zeta(x + 1, q).

    z' is the derivative in x, ``zeta_derivative`` (DLMF 25.11.1, 25.11.17).

    For x < 1 torch's z is nan, and so are the gradients; at x = 1 it is the pole, inf, and gx
    is -inf, while gq is the limit, finite. For q < 0 torch gives the sum where x is an
    integer: there gq is right, and gx nan, since the sum is of real numbers for no x nearby.
    At q = 0, gx is inf and gq -inf, as from above.
    torch's kernel is right to 3e-15 in float64 for x > 1 and q > 0, but for x from 1e14 on, where
    it is nan, and so are the gradients, and for q beyond 1e154, where it is less and less right
    and in the end 0. Of the gradients gx does not come from it.
    """

    @staticmethod
    def forward(ctx: Context, x: Tensor, q: Tensor) -> Tensor:
        z = torch.special.zeta(x, q)
        ctx.save_for_backward(x, q, z)
        return z

    @staticmethod
    def backward(ctx: Context, gz: Tensor) -> tuple[Tensor | None, Tensor | None]:
        need_gx, need_gq = ctx.needs_input_grad
        x, q, z = ctx.saved_tensors
        gx = gz * ZetaDerivative.apply(x, q, 1) if need_gx else None
        gq = gz * slope_in_q(x, q, z, 0) if need_gq else None
        return gx, gq

    @staticmethod
    def samples(make: SampleMaker) -> Iterator[Sample]:
        yield Sample(make(3, 4, low=1.3, high=6.0), make(3, 4, low=0.2, high=5.0))
        yield Sample(make(3, 1, low=1.3, high=6.0), make(2, 1, 4, low=0.2, high=5.0))
        yield Sample(make(3, low=1.3, high=6.0), 2.5)
        yield Sample(2.5, make(3, low=0.3, high=5.0))
        yield Sample(3, make.tensor([-0.5, -1.7, -4.2]))
        yield Sample(make.tensor([2.0, 3.0]), make.tensor([-0.5, -1.7])).constant(0)
        yield Sample(make.tensor([1.0, 0.5, -1.0, 2.0]), make(4, low=0.3, high=3.0))
        yield Sample(make.tensor([30.0, 30.0, 1.001, 5.0]), make.tensor([0.5, 9.0, 40.0, 1e-3]))
        yield Sample(make(4, low=60.0, high=200.0), make(4, low=3.0, high=5.0))
        yield Sample(make.integers(3, low=2), make(3, low=0.3))
        yield Sample(make(3, low=1.3), make.integers(3, low=1))
        yield Sample(make.integers(3, low=2), make.integers(3, low=1))
        yield Sample(make(0, 3), make(3))
        yield Sample(make(low=1.3), make(2, low=0.3))
