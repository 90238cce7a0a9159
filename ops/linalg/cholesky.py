"""cholesky: a Cholesky factor, as torch had it before torch.linalg."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from plugrad.core import Context, Function, Sample, SampleMaker, op
from plugrad.ops.linalg._cholesky import gradient


@op(
    "cholesky",
    methods=("cholesky",),
    overrides=(torch.cholesky, torch.ops.aten.cholesky.default),
)
class Cholesky(Function):
    """x = y y^H, y lower, or x = y^H y, y upper;  gx as of linalg.cholesky_ex.

    Of x one triangle is read; gx is Hermitian.
    """

    @staticmethod
    def forward(ctx: Context, x: Tensor, upper: bool = False) -> Tensor:
        y = torch.ops.aten.cholesky.default(x, upper)  # torch.cholesky warns of its age
        ctx.save_for_backward(y)
        ctx.upper = upper
        return y

    @staticmethod
    def backward(ctx: Context, gy: Tensor) -> Tensor:
        (y,) = ctx.saved_tensors
        return gradient(gy, y, ctx.upper)

    @staticmethod
    def samples(make: SampleMaker) -> Iterator[Sample]:
        yield Sample(make(3, 3, domain="spd"))
        yield Sample(make(2, 2, 2, domain="spd"), True)
        z = make.complex(3, 3)
        hermitian = z @ z.mH + torch.eye(3)
        hermitian = (hermitian + hermitian.mH) / 2
        yield Sample(hermitian).domain("spd")
        yield Sample(hermitian, upper=True).domain("spd")
        yield Sample(make(0, 0))
        yield Sample(make.tensor([[1.0, 0.0], [0.0, 2.0]])).domain("spd")
        indefinite = Sample(make.tensor([[1.0, 2.0], [2.0, 1.0]]))
        yield indefinite.raises(RuntimeError, "positive-definite")
        yield Sample(make(2, 3)).raises(RuntimeError, "square")
