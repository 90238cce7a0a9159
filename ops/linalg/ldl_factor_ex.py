"""linalg.ldl_factor_ex: the LDL factors of a symmetric or Hermitian matrix, and the pivots."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor

from plugrad.core import Context, Function, Sample, SampleMaker, op
from plugrad.ops.linalg._ldl import of_matrix


@op(
    "linalg.ldl_factor_ex",
    overrides=(torch.linalg.ldl_factor_ex, torch.ops.aten.linalg_ldl_factor_ex.default),
    aliases={"A": "x"},
    waives={"no-nan": "where D is singular the factors have no derivative"},
)
class LdlFactorEx(Function):
    """x = P L D L^H P^T, y = L below the diagonal and D;  gx = P L^-H g L^-1 P^T, made Hermitian.

    g is L^H gL D^-H below D's blocks of 1 or 2 rows, and gD on them: see _ldl.py, which
    derives it as Murray 2016, "Differentiation of the Cholesky decomposition", does.
    Without hermitian the transpose is in place of L^H. Only the lower triangle of x is
    read; gx is Hermitian, or symmetric. The pivots and info have no gradient. torch has
    none at all.
    """

    @staticmethod
    def forward(
        ctx: Context, x: Tensor, *, hermitian: bool = False, check_errors: bool = False
    ) -> Any:
        found = torch.linalg.ldl_factor_ex(x, hermitian=hermitian, check_errors=check_errors)
        y, pivots, info = found
        ctx.save_for_backward(y, pivots)
        ctx.mark_non_differentiable(pivots, info)
        ctx.hermitian = hermitian
        return found

    @staticmethod
    def backward(ctx: Context, gy: Tensor, *_: Any) -> Tensor:
        y, pivots = ctx.saved_tensors
        return of_matrix(gy, y, pivots, ctx.hermitian)

    @staticmethod
    def samples(make: SampleMaker) -> Iterator[Sample]:
        for size in (1, 3, 4):
            yield Sample(make(size, size, domain="symmetric"))
        yield Sample(make(2, 3, 3, domain="symmetric"), hermitian=True, check_errors=True)
        z = make.complex(4, 4)
        yield Sample((z + z.mH) / 2, hermitian=True).domain("symmetric")
        yield Sample(make(0, 0))
        # Blocks of 2 rows, and exchanges after them.
        blocks = [[0.0, 2.0, 1.0, 0.5], [2.0, 0.0, 0.3, 1.0], [1.0, 0.3, 0.1, 3.0]]
        blocks.append([0.5, 1.0, 3.0, 0.2])
        yield Sample(make.tensor(blocks)).domain("symmetric")
        singular = Sample(make.tensor([[0.0, 0.0], [0.0, 1.0]]), check_errors=True)
        yield singular.raises(RuntimeError, "ldl_factor_ex")
        yield Sample(make(2, 3)).raises(RuntimeError, "square")
