"""sparse_softmax: shares that add up to 1, of the elements that a sparse tensor has."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from plugrad.core import Context, Function, Sample, SampleMaker, op
from plugrad.ops.sparse._elements import elements, like
from plugrad.ops.sparse._lookup import looked_up
from plugrad.ops.sparse._softmax import calls, totals

_KERNEL = torch.ops.aten._sparse_softmax.default


@op("sparse_softmax", overrides=(_KERNEL,))
class SparseSoftmax(Function):
    """y = e^x / sum(e^x), over the elements that x has along dim;  gx = y (gy - sum(y gy)).

    What x leaves out counts as -inf: it is left out of y, and of the sums. y has x's elements.
    torch has no second derivative.
    """

    @staticmethod
    def forward(ctx: Context, x: Tensor, dim: int, half_to_float: bool) -> Tensor:
        y = _KERNEL(x, dim, half_to_float)
        ctx.save_for_backward(y)
        ctx.dim = dim
        return y

    @staticmethod
    def backward(ctx: Context, gy: Tensor) -> Tensor:
        (y,) = ctx.saved_tensors
        pattern = y.detach().coalesce()
        g, values = looked_up(gy, pattern.indices()), elements(y)
        return like(values * (g - totals(values * g, pattern, ctx.dim)), pattern)

    @staticmethod
    def samples(make: SampleMaker) -> Iterator[Sample]:
        yield from calls(make)
