"""linalg.solve_triangular: the solution of equations with a triangular matrix."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from plugrad.core import Context, Function, Sample, SampleMaker, op


@op(
    "linalg.solve_triangular",
    overrides=(torch.linalg.solve_triangular, torch.ops.aten.linalg_solve_triangular.default),
    aliases={"A": "x", "B": "y"},
    broadcasts=True,
)
class SolveTriangular(Function):
    """z = x^-1 y, or y x^-1 with left=False;  gy = x^-H gz, gx = -gy z^H, of which a triangle.

    With left=False gy = gz x^-H and gx = -z^H gy. The other triangle of x is not looked at,
    nor with unitriangular the diagonal, which then is 1: they have no gradient. Batches
    broadcast. A 0 on the diagonal gives inf and nan, as in torch. Giles 2008, section 2.2.3.
    """

    @staticmethod
    def forward(
        ctx: Context,
        x: Tensor,
        y: Tensor,
        *,
        upper: bool,
        left: bool = True,
        unitriangular: bool = False,
    ) -> Tensor:
        options = {"upper": upper, "left": left, "unitriangular": unitriangular}
        z = torch.linalg.solve_triangular(x, y, **options)
        ctx.save_for_backward(x, z if ctx.needs_input_grad[0] else None)
        ctx.upper, ctx.left, ctx.unitriangular = upper, left, unitriangular
        return z

    @staticmethod
    def backward(ctx: Context, gz: Tensor) -> tuple[Tensor | None, Tensor | None]:
        x, z = ctx.saved_tensors
        upper, left, unit = ctx.upper, ctx.left, ctx.unitriangular
        gy = torch.linalg.solve_triangular(x.mH, gz, upper=not upper, left=left, unitriangular=unit)
        if z is None:
            return None, gy
        gx = -gy @ z.mH if left else -z.mH @ gy
        gx = gx.triu(int(unit)) if upper else gx.tril(-int(unit))
        return gx, gy if ctx.needs_input_grad[1] else None

    @staticmethod
    def samples(make: SampleMaker) -> Iterator[Sample]:
        x = make(3, 3) + 3 * torch.eye(3)
        yield Sample(x, make(3, 2), upper=True)
        yield Sample(x, make(3, 2), upper=False)
        yield Sample(x, make(3, 2), upper=False).constant(1)
        yield Sample(x, make(3, 2), upper=True).constant(0)
        yield Sample(x, make(2, 3), upper=True, left=False)
        yield Sample(make(3, 3), make(3, 2), upper=True, unitriangular=True)
        yield Sample(make(3, 3), make(2, 3), upper=False, left=False, unitriangular=True)
        yield Sample(x, make(2, 3, 2), upper=True)
        yield Sample(make(2, 1, 2, 2) + 3 * torch.eye(2), make(3, 2, 1), upper=False)
        z = make.complex(3, 3) + 3 * torch.eye(3)
        yield Sample(z, make.complex(3, 2), upper=True)
        yield Sample(z, make.complex(2, 3), upper=False, left=False)
        yield Sample(make(0, 0), make(0, 2), upper=True)
        yield Sample(make(2, 0, 3, 3), make(3, 2), upper=True)
        yield Sample(make.tensor([[2.0, 0.0], [1.0, 1.0]]), make.tensor([[0.0], [1.0]]), upper=True)
        yield Sample(x, make(3, 3), upper=True, left=False)
        yield Sample(make(2, 3), make(2, 1), upper=True).raises(RuntimeError, "square")
