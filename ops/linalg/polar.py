"""linalg.polar: a matrix as orthonormal columns times a positive matrix."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor

from plugrad.core import Context, Function, Sample, SampleMaker, op
from plugrad.ops.linalg._lyapunov import refuse_singular, solution
from plugrad.ops.linalg._spectrum import skew


@op(
    "linalg.polar",
    overrides=(
        torch.linalg.polar,  # type: ignore[attr-defined]  # new in torch 2.14
        torch.ops.aten.linalg_polar.default,
    ),
    aliases={"A": "x"},
    waives={
        "no-nan": "where the rank is not full it has no gradient: an error says so",
        "layouts": "an expanded matrix has rank 1: an error says so",
    },
)
class LinalgPolar(Function):
    """x = u h, u^H u = 1, h positive;  gx = u (w + gh) + (1 - u u^H) gu h^-1.

    h w + w h = m - m^H, where m = u^H gu - gh h: du is u times a skew-Hermitian matrix, beside
    what leaves the space of u, and dh = u^H dx - u^H du h. Kenney and Laub 1991.
    """

    @staticmethod
    def forward(ctx: Context, x: Tensor) -> Any:
        found = torch.ops.aten.linalg_polar.default(x)
        ctx.save_for_backward(*found)
        ctx.set_materialize_grads(False)
        return found

    @staticmethod
    def backward(ctx: Context, gu: Tensor | None, gh: Tensor | None) -> Tensor:
        u, h = ctx.saved_tensors
        refuse_singular(
            h,
            "linalg.polar",
            "the columns of the matrix are linearly dependent: there its polar decomposition has "
            "no derivative",
            "pass a matrix of full column rank",
        )
        m: Any = 0.0 if gu is None else u.mH @ gu
        if gh is not None:
            m = m - gh @ h
        core = solution(skew(m), h)
        gx: Tensor = u @ (core if gh is None else core + gh)
        if gu is not None and u.shape[-2] > u.shape[-1]:
            outside = gu - u @ (u.mH @ gu)
            gx = gx + torch.linalg.solve(h, outside.mH).mH
        return gx

    @staticmethod
    def samples(make: SampleMaker) -> Iterator[Sample]:
        for shape in ((3, 3), (4, 2), (2, 3, 2), (1, 1), (3, 1)):
            yield Sample(make(*shape) + 2 * torch.eye(*shape[-2:]))
        yield Sample(make.complex(2, 2) + 2 * torch.eye(2))
        yield Sample(make.complex(3, 2) + 2 * torch.eye(3, 2))
        yield Sample(make.tensor([[2.0, 0.0], [0.0, 3.0], [0.0, 0.0]]))
        yield Sample(make(3, 0))
        yield Sample(make(0, 3, 2))
        yield Sample(make(2, 3)).raises(RuntimeError, "at least as many rows as columns")
