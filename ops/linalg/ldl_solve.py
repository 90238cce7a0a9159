"""linalg.ldl_solve: the solution of linear equations from the matrix's LDL factors."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from plugrad.core import Context, Function, Sample, SampleMaker, conj, op
from plugrad.errors import ArgumentError
from plugrad.ops._possibly import possibly
from plugrad.ops.linalg._ldl import (
    adjoint,
    factors,
    of_factors,
    order,
    solved,
    with_real_diagonal,
)


def _reference(x: Tensor, pivots: Tensor, y: Tensor, *, hermitian: bool = False) -> Tensor:
    """Solve with the matrix that the factors are of, which torch differentiates."""
    _check(x, pivots)
    solved(x.detach(), pivots, y.detach(), hermitian=hermitian)
    o = order(pivots)
    lower, d = factors(x, o, hermitian)
    if not x.numel():
        return y + x.sum()
    rows = torch.eye(x.shape[-1], dtype=x.dtype)[o.rows]
    halfway = torch.linalg.solve_triangular(lower, rows @ y, upper=False, unitriangular=True)
    halfway = torch.linalg.solve(d, halfway)
    upper = adjoint(lower, hermitian)
    return rows.mT @ torch.linalg.solve_triangular(upper, halfway, upper=True, unitriangular=True)


def _check(x: Tensor, pivots: Tensor) -> None:
    """Refuse a pivot that is not a row, or half a block: LAPACK would write out of bounds."""
    first = (pivots < 0) & ((pivots < 0).cumsum(-1) % 2 == 1)
    following = torch.nn.functional.pad(pivots[..., 1:], (0, 1)) if pivots.shape[-1] else pivots
    wrong = (pivots == 0) | (pivots.abs() > x.shape[-1]) | (first & (pivots != following))
    if pivots.device.type == "cpu" and possibly(wrong, False):
        raise ArgumentError(
            f"a value of pivots does not belong to factors of shape {tuple(x.shape)}",
            where="a call of linalg.ldl_solve",
            fix="pass LD and pivots as torch.linalg.ldl_factor gives them",
        )


@op(
    "linalg.ldl_solve",
    overrides=(torch.linalg.ldl_solve, torch.ops.aten.linalg_ldl_solve.default),
    reference=_reference,
    aliases={"LD": "x", "B": "y"},
    broadcasts=True,
)
class LdlSolve(Function):
    """z = a^-1 y, a = P L D L^H P^T of which x has L and D;  gy = a^-H gz, ga = -gy z^H.

    gL = (ga + ga^H) L D and gD = L^H ga L, of which x's elements get theirs: see _ldl.py. Without
    hermitian the transpose is in place of L^H. The pivots have no gradient. Batches broadcast.
    From Giles 2008, section 2.2.3. torch has no gradient.
    """

    @staticmethod
    def forward(
        ctx: Context, x: Tensor, pivots: Tensor, y: Tensor, *, hermitian: bool = False
    ) -> Tensor:
        if pivots.shape == x.shape[:-1]:  # else torch refuses them
            _check(x, pivots)
        z = solved(with_real_diagonal(x, hermitian), pivots, y, hermitian=hermitian)
        ctx.save_for_backward(x, pivots, z if ctx.needs_input_grad[0] else None)
        ctx.hermitian = hermitian
        return z

    @staticmethod
    def backward(ctx: Context, gz: Tensor) -> tuple[Tensor | None, None, Tensor | None]:
        x, pivots, z = ctx.saved_tensors
        if ctx.hermitian:
            gy = solved(with_real_diagonal(x, True), pivots, gz, hermitian=True)
        else:
            gy = conj(solved(x, pivots, conj(gz)))
        if z is None:
            return None, None, gy
        ga = (-gy @ z.mH).sum_to_size(x.shape)
        gx = of_factors(ga, x, pivots, ctx.hermitian)
        return gx, None, gy if ctx.needs_input_grad[2] else None

    @staticmethod
    def samples(make: SampleMaker) -> Iterator[Sample]:
        def factored(*shape: int, hermitian: bool = False, complex_: bool = False) -> list[Tensor]:
            x = make.complex(*shape) if complex_ else make(*shape)
            x = 0.05 * (x + (x.mH if hermitian else x.mT))
            x = x + 2 * torch.eye(shape[-1]).flip(0)  # well-conditioned, with blocks of 2
            return list(torch.linalg.ldl_factor(x, hermitian=hermitian))

        blocks = [[0.0, 2.0, 1.0, 0.5], [2.0, 0.0, 0.3, 1.0], [1.0, 0.3, 0.1, 3.0]]
        blocks.append([0.5, 1.0, 3.0, 0.2])
        four = torch.linalg.ldl_factor(make.tensor(blocks))
        yield Sample(*four, make(4, 2))
        yield Sample(*factored(3, 3), make(3, 2))
        yield Sample(*factored(3, 3), make(3, 2)).constant(0)
        yield Sample(*factored(3, 3), make(3, 2)).constant(2)
        yield Sample(*factored(4, 4, complex_=True), make.complex(4, 1))
        three = factored(3, 3, complex_=True, hermitian=True)
        yield Sample(*three, make.complex(3, 2), hermitian=True)
        yield Sample(*factored(2, 3, 3), make(2, 3, 2))
        yield Sample(*factored(2, 3, 3), make(3, 2))
        yield Sample(make(0, 0), make.tensor([], dtype=torch.int32), make(0, 2))
        two = make.tensor([1, 2], dtype=torch.int32)
        plain = Sample(make.tensor([[1.0, 0.0], [0.0, 2.0]]), two, make.tensor([[0.0], [1.0]]))
        yield plain.waive("indices", "other pivots are those of other factors")
        half = make.tensor([-1, 2], dtype=torch.int32)
        yield Sample(make(2, 2), half, make(2, 1)).raises(ArgumentError, "pivots")
        yield Sample(make(2, 2), 0 * two, make(2, 1)).raises(ArgumentError, "pivots")
        yield Sample(make(2, 3), two, make(2, 1)).raises(RuntimeError, "square")
