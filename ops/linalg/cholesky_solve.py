"""cholesky_solve: the solution of equations from the matrix's Cholesky factor."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from plugrad.core import Context, Function, Sample, SampleMaker, op
from plugrad.ops.linalg._cholesky import of_product


@op(
    "cholesky_solve",
    methods=("cholesky_solve",),
    overrides=(torch.cholesky_solve, torch.ops.aten.cholesky_solve.default),
    aliases={"B": "x", "input2": "y", "L": "y"},
    broadcasts=True,
    waives={
        "no-nan": "an infinite factor gives a finite solution, but is not finite itself",
    },
)
class CholeskySolve(Function):
    """z = (y y^H)^-1 x, or (y^H y)^-1 x with upper;  gx = the same of gz, ga = -gx z^H.

    gy = tril((ga + ga^H) y), with upper triu(y (ga + ga^H)). The other triangle of y is not
    looked at. Batches broadcast.
    """

    @staticmethod
    def forward(ctx: Context, x: Tensor, y: Tensor, upper: bool = False) -> Tensor:
        z = torch.cholesky_solve(x, y, upper)
        ctx.save_for_backward(y, z if ctx.needs_input_grad[1] else None)
        ctx.upper = upper
        return z

    @staticmethod
    def backward(ctx: Context, gz: Tensor) -> tuple[Tensor, Tensor | None]:
        y, z = ctx.saved_tensors
        gx = torch.cholesky_solve(gz, y, ctx.upper)
        return gx, None if z is None else of_product(-gx @ z.mH, y, ctx.upper)

    @staticmethod
    def samples(make: SampleMaker) -> Iterator[Sample]:
        full = "torch also gives the triangle that is not read a gradient"
        y = 0.5 * make(3, 3) + 3 * torch.eye(3)
        yield Sample(make(3, 2), y).without_oracle(full)
        yield Sample(make(3, 2), y, True).without_oracle(full)
        yield Sample(make(3, 2), y).constant(1)
        yield Sample(make(3, 2), y).constant(0).without_oracle(full)
        yield Sample(make(2, 3, 1), y, upper=True).without_oracle(full)
        yield Sample(make(2, 1), make(2, 2, 2) + 3 * torch.eye(2)).without_oracle(full)
        yield Sample(make.complex(1, 2), make(1, 1) + 3j * 0)
        yield Sample(make(0, 2), make(0, 0))
        yield Sample(make.tensor([[0.0], [1.0]]), make.tensor([[1.0, 0.0], [0.0, 2.0]])).constant(1)
        yield Sample(make(2, 1), make(2, 3)).raises(RuntimeError, "square")
