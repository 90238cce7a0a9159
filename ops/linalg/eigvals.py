"""linalg.eigvals: the eigenvalues of any square matrix."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from plugrad.core import Context, Function, Sample, SampleMaker, op
from plugrad.errors import ArgumentError
from plugrad.ops._possibly import possibly
from plugrad.ops.linalg._eig import gradient
from plugrad.ops.linalg._spectrum import with_values


def _eigvals(A: Tensor) -> Tensor:  # noqa: N803
    """torch.linalg.eigvals, but of inf and nan, of which LAPACK writes beyond its memory."""
    if possibly(~A.isfinite(), False):
        raise ArgumentError(
            "linalg.eigvals: the input tensor should not contain infs or NaNs",
            where="a call of linalg.eigvals",
            fix="make it finite first: x.nan_to_num()",
        )
    return torch.linalg.eigvals(A)


@op(
    "linalg.eigvals",
    overrides=(
        torch.linalg.eigvals,
        torch.ops.aten.linalg_eigvals.default,
        torch.ops.aten._linalg_eigvals.default,
    ),
    reference=_eigvals,
    aliases={"A": "x"},
)
class Eigvals(Function):
    """y = the eigenvalues of x;  gx = v^-H diag(gy) v^H, v the eigenvectors.

    Where a matrix has too few eigenvectors, there is no derivative: inf and nan, as in torch.
    """

    @staticmethod
    def forward(ctx: Context, x: Tensor) -> Tensor:
        ctx.save_for_backward(x)
        return _eigvals(x)

    @staticmethod
    def backward(ctx: Context, gy: Tensor) -> Tensor:
        (x,) = ctx.saved_tensors
        y, v = torch.linalg.eig(x)
        gx = gradient(with_values(gy, y), None, y, v)
        assert gx is not None
        return gx if x.is_complex() else gx.real

    @staticmethod
    def samples(make: SampleMaker) -> Iterator[Sample]:
        yield Sample(make(3, 3))
        yield Sample(make(2, 2, 2))
        yield Sample(make.complex(3, 3))
        yield Sample(make(0, 0))
        yield Sample(make(0, 2, 2))
        yield Sample(make.tensor([[0.0, 1.0], [2.0, 1.0]]))
        infinite = Sample(make.tensor([[float("inf"), 1.0], [2.0, 1.0]]))
        yield infinite.raises(ArgumentError, "infs or NaNs")
        yield Sample(make(2, 3)).raises(RuntimeError, "square")
