"""linalg.vector_norm: the p-norm of all elements, or of those along some dimensions."""

from __future__ import annotations

from collections.abc import Iterator
from math import inf, isinf

import torch
from torch import Tensor

from plugrad.core import Context, Function, Sample, SampleMaker, op
from plugrad.ops.elementwise._abs_pow import abs_pow
from plugrad.ops.elementwise._absorbing import absorbing_mul
from plugrad.ops.elementwise._direction import direction, enlarging
from plugrad.ops.reduction._dims import Dim, cast, normal_dims, unreduced


@op(
    "linalg.vector_norm",
    overrides=(torch.linalg.vector_norm, torch.ops.aten.linalg_vector_norm.default),
)
class VectorNorm(Function):
    """y = (sum of |x|^p over dim)^(1/p), p = ord;  gx = gy sgn(x) (|x| / y)^(p-1).

    For p = inf and -inf, y is the largest and the smallest |x|; elements that tie, and
    nans, share gy equally. For p = 0, y counts the nonzero elements and has no gradient.
    gx is 0 where y = 0, and for p < 1 also where x = 0. A second derivative at an element
    of 0 beside others is 0 for p > 2 and infinite for p < 2, where torch has nan.
    """

    @staticmethod
    def forward(
        ctx: Context,
        x: Tensor,
        ord: float = 2,
        dim: Dim = None,
        keepdim: bool = False,
        *,
        dtype: torch.dtype | None = None,
    ) -> Tensor:
        y: Tensor = torch.linalg.vector_norm(x, ord, dim, keepdim, dtype=dtype)
        ctx.ord, ctx.dims = ord, normal_dims(x, dim)
        if ctx.ord:
            ctx.save_for_backward(x, y)
        return y

    @staticmethod
    def backward(ctx: Context, gy: Tensor) -> Tensor | None:
        if not ctx.ord:
            return None
        x, y = ctx.saved_tensors
        gy, y = unreduced(gy, x.shape, ctx.dims), unreduced(y, x.shape, ctx.dims)
        if isinf(ctx.ord):
            gx = _shared_by_the_extreme(gy, x, y, ctx.dims)
        else:
            gx = _gradient(gy, x, y, ctx.ord)
        return cast(gx, x.dtype)

    @staticmethod
    def samples(make: SampleMaker) -> Iterator[Sample]:
        yield Sample(make(3, 4))
        yield Sample(make(3, 4), 2, 1)
        yield Sample(make(2, 3, 2), 2.0, (0, -1), True)
        yield Sample(make(3, 4), dim=[0], keepdim=True)
        yield Sample(make(3, 4), dim=())
        yield Sample(make(3, 4, dtype=torch.float32), 2, 0, dtype=torch.float64)
        yield Sample(make.complex(3).to(torch.complex64), 3, 0, True, dtype=torch.complex128)
        yield Sample(make())
        yield Sample(make(), 1, 0)
        yield Sample(make(0))
        yield Sample(make(0, 3), 1, 0)
        yield Sample(make(0, 3), inf, 1)
        yield Sample(make.tensor([[1.0, float("nan"), 2.0], [3.0, 1.0, 3.0]]), inf, 1)
        for p in (0, 0.5, 1, 1.5, 2, 3, inf, -inf, -1.5):
            yield Sample(make.nonzero(3, 4), p)
            yield Sample(make.complex(2, 3), p, 0, True)
            kinks = make.tensor([[0.0, 0.0], [3.0, 0.0], [-2.0, 2.0]])
            at_kinks = Sample(kinks, p, 1).at_kink()
            if p in (0.5, 1.5):
                at_kinks.waive("second-order", "torch has nan at an element of 0")
            yield at_kinks
        for p in (2.5, 3.5, 4):
            yield Sample(make.tensor([[3.0, 0.0], [-2.0, 2.0]]), p, 1)


def _gradient(gy: Tensor, x: Tensor, y: Tensor, p: float) -> Tensor:
    """For a finite p: gy sgn(x) (|x| / y)^(p-1), written so that zeros have all derivatives."""
    nothing = y == 0
    if p == 1:
        return gy * direction(x)
    if p == 2:
        if x.dtype.is_complex:
            factor = enlarging(y)
            x, y = x * factor, y * factor
        return gy * (x / y).masked_fill(nothing, 0)
    scale = (y.masked_fill(nothing, 1) ** (1 - p)).masked_fill(nothing, 0)
    return absorbing_mul(gy, absorbing_mul(abs_pow(x, p - 1, True), scale, True))


def _shared_by_the_extreme(
    gy: Tensor, x: Tensor, y: Tensor, dims: tuple[int, ...] | None
) -> Tensor:
    size = x.abs()
    extreme = (size == y).logical_or(size.isnan())
    return direction(x) * (gy / extreme.sum(dims, True) * extreme)
