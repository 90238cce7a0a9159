"""linalg.norm: a norm of vectors or matrices, as the dimensions say."""

from __future__ import annotations

from collections.abc import Iterator
from math import inf
from operator import index

import torch
from torch import Tensor

from plugrad.core import Composite, Sample, SampleMaker, op
from plugrad.ops._number import constant, number


@op(
    "linalg.norm",
    overrides=(
        torch.linalg.norm,
        torch.ops.aten.linalg_norm.default,
        torch.ops.aten.linalg_norm.ord_str,
    ),
    aliases={"A": "x"},
)
class Norm(Composite):
    """y = linalg.vector_norm(x, ord) or, of two dimensions or a named ord, linalg.matrix_norm.

    Without an ord it is the 2-norm of the elements, whatever their dimensions.
    """

    @staticmethod
    def forward(
        x: Tensor,
        ord: float | str | None = None,
        dim: int | tuple[int, ...] | list[int] | None = None,
        keepdim: bool = False,
        *,
        dtype: torch.dtype | None = None,
    ) -> Tensor:
        p = number(constant(ord, "linalg.norm", "ord"))
        dims = dim if dim is None or isinstance(dim, tuple | list) else (index(dim),)
        rank = x.dim() if dims is None else len(dims)
        if rank not in (1, 2) and (p is not None or dims is not None):
            nothing = torch.empty(x.shape, dtype=x.dtype, device="meta")
            torch.linalg.norm(nothing, p, dims)  # says what is wrong
        if isinstance(p, str) or (p is not None and rank == 2):
            dims = (-2, -1) if dims is None else dims
            return torch.linalg.matrix_norm(x, p, dims, keepdim, dtype=dtype)
        return torch.linalg.vector_norm(x, 2 if p is None else p, dims, keepdim, dtype=dtype)

    @staticmethod
    def samples(make: SampleMaker) -> Iterator[Sample]:
        yield Sample(make(3, 4))
        yield Sample(make(2, 3, 2))
        yield Sample(make())
        yield Sample(make(2, 3, 2), dim=1)
        yield Sample(make(2, 3, 2), None, (0, 2), True)
        yield Sample(make(3), 2)
        yield Sample(make(3), inf, dtype=torch.float64)
        yield Sample(make(3, 4), 3, 1)
        yield Sample(make(3, 4), 0, [-1], True)
        yield Sample(make(3, 4), "fro")
        yield Sample(make(2, 3, 2), 1, (2, 0), True)
        yield Sample(make(3, 4), -inf)
        yield Sample(make.complex(3, 2), 1)
        yield Sample(make(0))
        yield Sample(make(2, 3, 2), 1).raises(RuntimeError, "1D or 2D")
