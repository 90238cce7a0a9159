"""linalg.lu: a matrix as the product of a permutation and two triangular matrices."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor

from plugrad.core import Context, Function, Sample, SampleMaker, op
from plugrad.ops.linalg._lu import gradient


@op(
    "linalg.lu",
    overrides=(torch.linalg.lu, torch.ops.aten.linalg_lu.default),
    aliases={"A": "x"},
    waives={"no-nan": "a singular matrix has LU factors without a derivative: nan, as in torch"},
    equivalent={
        "option-ignored[pivot]": "torch has no LU without pivots on a CPU",
    },
)
class Lu(Function):
    """x = p l u;  gx = p l^-H [tril(l^H gl, -1) + triu(gu u^H)] u^-H for a square x.

    For others see _lu.py, which says where it is from. The permutation p has no gradient.
    A singular x has none either, and gives inf and nan, as in torch.
    """

    @staticmethod
    def forward(ctx: Context, x: Tensor, *, pivot: bool = True) -> Any:
        found = p, low, u = torch.linalg.lu(x, pivot=pivot)
        ctx.save_for_backward(p if pivot else None, low, u)
        ctx.mark_non_differentiable(p)
        ctx.set_materialize_grads(False)
        return found

    @staticmethod
    def backward(
        ctx: Context, _: Tensor | None, gl: Tensor | None, gu: Tensor | None
    ) -> Tensor | None:
        return gradient(gl, gu, *ctx.saved_tensors)

    @staticmethod
    def samples(make: SampleMaker) -> Iterator[Sample]:
        for shape in ((3, 3), (2, 3), (4, 2), (2, 3, 4), (2, 3, 3)):
            yield Sample(make(*shape))
        yield Sample(make.complex(3, 3))
        yield Sample(make.complex(2, 4))
        yield Sample(make.complex(4, 2))
        yield Sample(make(0, 0))
        yield Sample(make(0, 3, 2))
        yield Sample(make.tensor([[0.0, 1.0], [2.0, 3.0]]))
        if not torch.cuda.is_available():
            yield Sample(make(3, 3), pivot=False).raises(RuntimeError, "pivot")
