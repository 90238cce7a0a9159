"""linalg_solve_ex: the solution of linear equations, with the factors it is found by."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor

from plugrad.core import Context, Function, Sample, SampleMaker, op
from plugrad.core.installed_torch import torch_before
from plugrad.ops.linalg._vectors import is_vector


@op(
    "linalg_solve_ex",
    overrides=(torch.ops.aten._linalg_solve_ex.default, torch._linalg_solve_ex),
    aliases={"A": "x", "B": "y"},
    broadcasts=True,
    waives={"layouts": "the LU factors are of x or x^T, depending on its layout, in torch too"}
    if torch_before("2.13")
    else {},
)
class LinalgSolveEx(Function):
    """z = x^-1 y, or y x^-1 with left=False;  gy = x^-H gz, gx = -gy z^H.

    With left=False gy = gz x^-H and gx = -z^H gy. y may be a vector for each matrix. The other
    outputs have no gradient: the LU factors, the pivots and info, which is not 0 where a matrix
    is singular. Batches broadcast. Giles 2008, section 2.2.3.
    """

    @staticmethod
    def forward(
        ctx: Context, x: Tensor, y: Tensor, *, left: bool = True, check_errors: bool = False
    ) -> Any:
        z, lu, pivots, info = _solve_ex(x, y, left=left, check_errors=check_errors)
        ctx.save_for_backward(x, z if ctx.needs_input_grad[0] else None)
        ctx.mark_non_differentiable(lu, pivots, info)
        ctx.left, ctx.vectors = left, is_vector(x, y)
        return z, lu, pivots, info

    @staticmethod
    def backward(ctx: Context, gz: Tensor, *_: Any) -> tuple[Tensor | None, Tensor | None]:
        x, z = ctx.saved_tensors
        if ctx.vectors:
            gz = gz.unsqueeze(-1)
            z = None if z is None else z.unsqueeze(-1)
        gy = _solve_ex(x.mH, gz, left=ctx.left)[0]
        gx = None
        if z is not None:
            gx = -gy @ z.mH if ctx.left else -z.mH @ gy
        return gx, gy.squeeze(-1) if ctx.vectors else gy

    @staticmethod
    def samples(make: SampleMaker) -> Iterator[Sample]:
        x, z = make(3, 3) + 3 * torch.eye(3), make.complex(3, 3) + 3 * torch.eye(3)
        yield Sample(x, make(3, 2))
        yield Sample(x, make(3))
        yield Sample(x, make(3, 2)).constant(0)
        yield Sample(x, make(3, 2)).constant(1)
        yield Sample(x, make(2, 3), left=False)
        yield Sample(z, make.complex(3, 2), check_errors=True)
        yield Sample(z, make.complex(2, 3), left=False)
        yield Sample(x, make(3, 3), left=False)
        yield Sample(x, make(2, 3, 2))
        yield Sample(make(2, 3, 3) + 3 * torch.eye(3), make(2, 3))
        yield Sample(make(2, 3, 3) + 3 * torch.eye(3), make(3, 2), left=True)
        yield Sample(make(2, 3, 3) + 3 * torch.eye(3), make(3))
        yield Sample(make(0, 0), make(0, 2))
        yield Sample(make(0, 3, 3), make(3, 2))
        yield Sample(make.tensor([[0.0, 1.0], [2.0, 0.0]]), make.tensor([0.0, 1.0]))
        singular = Sample(make.tensor([[1.0, 2.0], [2.0, 4.0]]), make(2), check_errors=True)
        yield singular.raises(RuntimeError, "singular")
        yield Sample(make(2, 3), make(2)).raises(RuntimeError, "square")


_solve_ex = torch.ops.aten._linalg_solve_ex.default
