"""linalg.lu_solve: the solution of linear equations from the matrix's LU factors."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from plugrad.core import Context, Function, Sample, SampleMaker, op
from plugrad.ops._strides import with_canonical_batches, with_canonical_strides


@op(
    "linalg.lu_solve",
    overrides=(torch.linalg.lu_solve, torch.ops.aten.linalg_lu_solve.default),
    aliases={"LU": "x", "B": "y"},
    broadcasts=True,
    waives={"no-nan": "an infinite factor gives a finite solution, but not a finite p l u"},
)
class LuSolve(Function):
    """z = a^-1 y, a = p l u of which x has l and u;  gy = a^-H gz, ga = -gy z^H.

    gx = tril(p^T ga u^H, -1) + triu(l^H p^T ga). With adjoint a^H is in place of a, with
    left=False z = y a^-1. The pivots have no gradient. Batches broadcast. From Giles 2008,
    section 2.2.3, and dA = P (dL U + L dU).
    """

    @staticmethod
    def forward(
        ctx: Context,
        x: Tensor,
        pivots: Tensor,
        y: Tensor,
        *,
        left: bool = True,
        adjoint: bool = False,
    ) -> Tensor:
        z = _solved(x, pivots, y, left, adjoint)
        ctx.save_for_backward(x, pivots, z if ctx.needs_input_grad[0] else None)
        ctx.left, ctx.adjoint = left, adjoint
        return z

    @staticmethod
    def backward(ctx: Context, gz: Tensor) -> tuple[Tensor | None, None, Tensor | None]:
        x, pivots, z = ctx.saved_tensors
        gy = _solved(x, pivots, gz, ctx.left, not ctx.adjoint)
        if z is None:
            return None, None, gy
        ga = -gy @ z.mH if ctx.left else -z.mH @ gy
        if ctx.adjoint:
            ga = ga.mH
        p, low, u = torch.lu_unpack(x, pivots)
        ga = p.mT @ ga
        gx = (ga @ u.mH).tril(-1) + (low.mH @ ga).triu()
        return gx, None, gy if ctx.needs_input_grad[2] else None

    @staticmethod
    def samples(make: SampleMaker) -> Iterator[Sample]:
        three = torch.linalg.lu_factor(0.3 * make(3, 3) + 5 * torch.eye(3))
        yield Sample(*three, make(3, 2))
        yield Sample(*three, make(3, 2)).constant(0)
        yield Sample(*three, make(3, 2)).constant(2)
        yield Sample(*three, make(3, 2), adjoint=True)
        yield Sample(*three, make(2, 3), left=False)
        yield Sample(*three, make(2, 3), left=False, adjoint=True)
        yield Sample(*three, make(2, 3, 1))
        batch = torch.linalg.lu_factor(make(2, 1, 2, 2) + 5 * torch.eye(2))
        yield Sample(*batch, make(3, 2, 1))
        complex_ = torch.linalg.lu_factor(make.complex(3, 3) + 5 * torch.eye(3))
        yield Sample(*complex_, make.complex(3, 2))
        yield Sample(*complex_, make.complex(3, 2), adjoint=True)
        yield Sample(*complex_, make.complex(2, 3), left=False, adjoint=True)
        yield Sample(make(0, 0), make.tensor([], dtype=torch.int32), make(0, 2))
        two = make.tensor([2, 2], dtype=torch.int32)
        yield Sample(make.tensor([[1.0, 0.0], [0.0, 2.0]]), two, make.tensor([[0.0], [1.0]]))
        yield Sample(*three, make(3, 3), left=False)
        yield Sample(make(2, 3), two, make(2, 1)).raises(RuntimeError, "square")


def _solved(x: Tensor, pivots: Tensor, y: Tensor, left: bool, adjoint: bool) -> Tensor:
    """The solution. The kernel steps by the stride of a batch dimension also if its size is 1."""
    x, pivots = with_canonical_batches(x), with_canonical_strides(pivots, images=False)
    return torch.linalg.lu_solve(x, pivots, y, left=left, adjoint=adjoint)
