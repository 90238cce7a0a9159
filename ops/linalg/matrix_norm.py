"""linalg.matrix_norm: a norm of the matrices in two dimensions."""

from __future__ import annotations

from collections.abc import Iterator
from math import inf
from operator import index

import torch
from torch import Tensor

from plugrad.core import Composite, Sample, SampleMaker, op
from plugrad.ops._number import constant, number


@op(
    "linalg.matrix_norm",
    overrides=(
        torch.linalg.matrix_norm,
        torch.ops.aten.linalg_matrix_norm.default,
        torch.ops.aten.linalg_matrix_norm.str_ord,
    ),
    aliases={"A": "x"},
)
class MatrixNorm(Composite):
    """y = a norm of each matrix: ord says which.

    "fro": the 2-norm of its elements. 1, -1: the largest, smallest sum |x| of a column.
    inf, -inf: of a row. 2, -2, "nuc": the largest, the smallest, the sum of its singular
    values.
    """

    @staticmethod
    def forward(
        x: Tensor,
        ord: float | str = "fro",
        dim: tuple[int, ...] | list[int] = (-2, -1),
        keepdim: bool = False,
        *,
        dtype: torch.dtype | None = None,
    ) -> Tensor:
        p = number(constant(ord, "linalg.matrix_norm", "ord"))
        dim = tuple([index(d) for d in dim])
        if p not in _ORDERS or len(dim) != 2 or x.dim() < 2:
            nothing = torch.empty(x.shape, dtype=x.dtype, device="meta")
            torch.linalg.matrix_norm(nothing, p, dim)  # says what is wrong
        if p == "fro":
            return torch.linalg.vector_norm(x, 2, dim, keepdim, dtype=dtype)
        if p in (1, -1, inf, -inf):
            summed = dim[0] if abs(p) == 1 else dim[1]
            sums = torch.linalg.vector_norm(x, 1, summed, True, dtype=dtype)
            return _extreme(sums, p, dim, keepdim)
        return _of_singular_values(x if dtype is None else x.to(dtype), p, dim, keepdim)

    @staticmethod
    def samples(make: SampleMaker) -> Iterator[Sample]:
        yield Sample(make(3, 4))
        yield Sample(make(2, 3, 2), "fro", (0, -1), True)
        for p in (1, -1, inf, -inf):
            yield Sample(make(3, 4), p)
            yield Sample(make(2, 3, 2), p, (2, 0))
            yield Sample(make.complex(2, 3), p, dim=(0, 1), keepdim=True)
        yield Sample(make.tensor([[1.0, -2.0], [2.0, 1.0]]), 1).at_kink()
        yield Sample(make(2, 3, dtype=torch.float32), inf, dtype=torch.float64)
        yield Sample(make(0, 3))
        yield Sample(make(3, 0), 1, (1, 0), True)
        if _torch_knows_the_largest_of_nothing():
            yield Sample(make(0, 3), inf)
        yield Sample(make(3, 4), 3).raises(RuntimeError, "Order")
        yield Sample(make(3), 1).raises(RuntimeError, "dimension")
        for spectral in (2, -2, "nuc"):
            yield Sample(make(3, 4), spectral)
            yield Sample(make(2, 3, 2), spectral, (2, 0), True)


_ORDERS = ("fro", "nuc", 1, -1, 2, -2, inf, -inf)


def _of_singular_values(
    x: Tensor, ord: float | str, dim: tuple[int, ...] | list[int], keepdim: bool
) -> Tensor:
    values = torch.linalg.svdvals(x.movedim(tuple(dim), (-2, -1)))
    y = values.sum(-1) if ord == "nuc" else _extreme(values, float(ord), (-1,), False)
    if not keepdim:
        return y
    reduced = [d % x.dim() for d in dim]
    return y.reshape([1 if d in reduced else n for d, n in enumerate(x.shape)])


def _extreme(x: Tensor, ord: float, dim: tuple[int, ...] | list[int], keepdim: bool) -> Tensor:
    """The largest element for a positive ord, the smallest for a negative one.

    The largest of nothing is 0, a constant, and the smallest an error: so says torch, of
    which older versions refuse both.
    """
    if ord < 0:
        return x.amin(dim, keepdim)
    nothing = any(x.size(d) == 0 for d in dim)
    return x.sum(dim, keepdim).detach() if nothing else x.amax(dim, keepdim)


def _torch_knows_the_largest_of_nothing() -> bool:
    try:
        torch.linalg.matrix_norm(torch.empty(0, 3), inf)
    except IndexError:
        return False
    return True
