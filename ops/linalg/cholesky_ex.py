"""linalg.cholesky_ex: a Cholesky factor, and whether there is one."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor

from plugrad.core import Context, Function, Sample, SampleMaker, op
from plugrad.ops.linalg._cholesky import gradient


@op(
    "linalg.cholesky_ex",
    overrides=(torch.linalg.cholesky_ex, torch.ops.aten.linalg_cholesky_ex.default),
    aliases={"A": "x"},
)
class CholeskyEx(Function):
    """x = y y^H, y lower, or x = y^H y, y upper;  gx = y^-H h(y^H gy) y^-1, for upper transposed.

    h is the Hermitian matrix of half a triangle: see _cholesky.py. Only one triangle of x
    is read; gx is Hermitian. info, which is not 0 where x is not positive definite, has no
    gradient.
    """

    @staticmethod
    def forward(ctx: Context, x: Tensor, *, upper: bool = False, check_errors: bool = False) -> Any:
        found = torch.linalg.cholesky_ex(x, upper=upper, check_errors=check_errors)
        y, info = found
        ctx.save_for_backward(y)
        ctx.mark_non_differentiable(info)
        ctx.upper = upper
        return found

    @staticmethod
    def backward(ctx: Context, gy: Tensor, *_: Any) -> Tensor:
        (y,) = ctx.saved_tensors
        return gradient(gy, y, ctx.upper)

    @staticmethod
    def samples(make: SampleMaker) -> Iterator[Sample]:
        yield Sample(make(3, 3, domain="spd"))
        yield Sample(make(2, 2, 2, domain="spd"), upper=True)
        z = make.complex(3, 3)
        hermitian = z @ z.mH + torch.eye(3)
        hermitian = (hermitian + hermitian.mH) / 2
        yield Sample(hermitian, check_errors=True).domain("spd")
        yield Sample(hermitian, upper=True).domain("spd")
        yield Sample(make(0, 0))
        yield Sample(make.tensor([[1.0, 0.0], [0.0, 2.0]])).domain("spd")
        indefinite = Sample(make.tensor([[1.0, 2.0], [2.0, 1.0]]), check_errors=True)
        yield indefinite.raises(RuntimeError, "positive-definite")
        yield Sample(make(2, 3)).raises(RuntimeError, "square")
