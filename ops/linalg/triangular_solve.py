"""triangular_solve: equations with a triangular matrix, before torch.linalg."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor

from plugrad.core import Context, Function, Sample, SampleMaker, conj, op


@op(
    "triangular_solve",
    methods=("triangular_solve",),
    overrides=(torch.triangular_solve, torch.ops.aten.triangular_solve.default),
    aliases={"b": "x", "A": "y"},
    broadcasts=True,
)
class TriangularSolve(Function):
    """z = a^-1 x, a = y or y^T;  gx = a^-H gz, ga = -gx z^H, of which a triangle.

    The second output is a copy of y, whose gradient comes on top. The other triangle of y is not
    looked at, nor with unitriangular the diagonal, which then is 1. Batches broadcast.
    """

    @staticmethod
    def forward(
        ctx: Context,
        x: Tensor,
        y: Tensor,
        upper: bool = True,
        transpose: bool = False,
        unitriangular: bool = False,
    ) -> Any:
        found = torch.ops.aten.triangular_solve.default(x, y, upper, transpose, unitriangular)
        ctx.save_for_backward(y, found[0] if ctx.needs_input_grad[1] else None)
        ctx.set_materialize_grads(False)
        ctx.upper, ctx.transpose, ctx.unitriangular = upper, transpose, unitriangular
        return torch.return_types.triangular_solve(found)

    @staticmethod
    def backward(ctx: Context, gz: Tensor | None, copied: Tensor | None) -> Any:
        y, z = ctx.saved_tensors
        if gz is None:
            return None, copied
        transposed, unit = ctx.transpose, ctx.unitriangular
        adjoint = conj(y) if transposed else y.mH
        gx = torch.linalg.solve_triangular(
            adjoint, gz, upper=ctx.upper == transposed, unitriangular=unit
        )
        if z is None:
            return gx, None
        gy = -conj(z) @ gx.mT if transposed else -gx @ z.mH
        gy = gy.triu(int(unit)) if ctx.upper else gy.tril(-int(unit))
        return gx, gy if copied is None else gy + copied

    @staticmethod
    def samples(make: SampleMaker) -> Iterator[Sample]:
        y = make(3, 3) + 3 * torch.eye(3)
        yield Sample(make(3, 2), y)
        yield Sample(make(3, 2), y).constant(0)
        yield Sample(make(3, 2), y).constant(1)
        yield Sample(make(3, 2), y, False)
        yield Sample(make(3, 2), y, True, True)
        yield Sample(make(3, 2), y, False, True, True)
        yield Sample(make(3, 2), make(3, 3), upper=True, unitriangular=True)
        yield Sample(make(2, 3, 1), y)
        yield Sample(make(2, 1), make(2, 2, 2) + 3 * torch.eye(2))
        z = make.complex(3, 3) + 3 * torch.eye(3)
        yield Sample(make.complex(3, 2), z)
        yield Sample(make.complex(3, 2), z, False, transpose=True)
        yield Sample(make(0, 2), make(0, 0))
        yield Sample(make.tensor([[0.0], [1.0]]), make.tensor([[2.0, 0.0], [1.0, 1.0]]))
        yield Sample(make(2, 1), make(2, 3)).raises(RuntimeError, "square")
