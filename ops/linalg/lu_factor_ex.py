"""linalg.lu_factor_ex: the factors L and U of a matrix in one, and the pivots."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor

from plugrad.core import Context, Function, Sample, SampleMaker, op
from plugrad.ops.linalg._lu import gradient


@op(
    "linalg.lu_factor_ex",
    overrides=(torch.linalg.lu_factor_ex, torch.ops.aten.linalg_lu_factor_ex.default),
    aliases={"A": "x"},
    waives={"no-nan": "a singular matrix has LU factors without a derivative: nan, as in torch"},
    equivalent={
        "option-ignored[pivot]": "torch has no LU without pivots on a CPU",
    },
)
class LuFactorEx(Function):
    """x = p l u, y = l below the diagonal and u;  gx as of linalg.lu, from gy's two triangles.

    The pivots and info, which is not 0 where a matrix is singular, have no gradient.
    """

    @staticmethod
    def forward(ctx: Context, x: Tensor, *, pivot: bool = True, check_errors: bool = False) -> Any:
        found = torch.linalg.lu_factor_ex(x, pivot=pivot, check_errors=check_errors)
        y, pivots, info = found
        ctx.save_for_backward(y, pivots)
        ctx.mark_non_differentiable(pivots, info)
        return found

    @staticmethod
    def backward(ctx: Context, gy: Tensor, *_: Any) -> Tensor | None:
        y, pivots = ctx.saved_tensors
        k = min(y.shape[-2:])
        return gradient(gy[..., :k], gy[..., :k, :], *torch.lu_unpack(y, pivots))

    @staticmethod
    def samples(make: SampleMaker) -> Iterator[Sample]:
        for shape in ((3, 3), (2, 3), (4, 2), (2, 3, 4), (2, 3, 3)):
            yield Sample(make(*shape))
        yield Sample(make.complex(3, 3), check_errors=True)
        yield Sample(make.complex(2, 4))
        yield Sample(make.complex(4, 2))
        yield Sample(make(0, 0))
        yield Sample(make(0, 3, 2))
        yield Sample(make.tensor([[0.0, 1.0], [2.0, 3.0]]))
        singular = Sample(make.tensor([[1.0, 2.0], [2.0, 4.0]]), check_errors=True)
        yield singular.raises(RuntimeError, "zero")
        if not torch.cuda.is_available():
            yield Sample(make(3, 3), pivot=False).raises(RuntimeError, "pivot")
