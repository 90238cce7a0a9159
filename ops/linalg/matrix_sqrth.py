"""linalg.matrix_sqrth: the square root of a positive definite matrix."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor

from plugrad.core import Context, Function, Sample, SampleMaker, op
from plugrad.ops.linalg._lyapunov import refuse_singular, solution


@op(
    "linalg.matrix_sqrth",
    overrides=(
        torch.linalg.matrix_sqrth,  # type: ignore[attr-defined]  # new in torch 2.14
        torch.ops.aten.linalg_matrix_sqrth.default,
    ),
)
class MatrixSqrth(Function):
    """x = y y, y positive definite;  y gx + gx y = (gy + gy^H) / 2.

    Of x the lower triangle is read, and eigenvalues below 0 count as 0; gx is Hermitian. Where an
    eigenvalue is 0 the slope is infinite: an error says so. From dx = dy y + y dy.
    """

    @staticmethod
    def forward(ctx: Context, x: Tensor) -> Tensor:
        y = _matrix_sqrth(x)
        ctx.save_for_backward(y)
        return y

    @staticmethod
    def backward(ctx: Context, gy: Tensor) -> Any:
        (y,) = ctx.saved_tensors
        refuse_singular(
            y,
            "linalg.matrix_sqrth",
            "an eigenvalue of the matrix is 0 or less: there its square root has no finite slope",
            "move the eigenvalues up: x + 1e-6 * torch.eye(x.shape[-1], dtype=x.dtype)",
        )
        return solution((gy + gy.mH) / 2, y)

    @staticmethod
    def samples(make: SampleMaker) -> Iterator[Sample]:
        yield Sample(make(3, 3, domain="spd"))
        yield Sample(make(2, 2, 2, domain="spd"))
        z = make.complex(3, 3)
        hermitian = z @ z.mH + torch.eye(3)
        yield Sample((hermitian + hermitian.mH) / 2).domain("spd")
        yield Sample(make.tensor([[4.0, 0.0], [0.0, 4.0]])).domain("spd")
        yield Sample(make(1, 1, domain="spd"))
        yield Sample(make(0, 0))
        yield Sample(make(0, 2, 2))
        yield Sample(make(2, 3)).raises(RuntimeError, "square")


_matrix_sqrth = torch.ops.aten.linalg_matrix_sqrth.default
