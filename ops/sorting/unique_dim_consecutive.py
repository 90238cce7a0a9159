"""unique_dim_consecutive: the slices along a dimension, of equal neighbours only one."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from plugrad.core import Context, Function, Sample, SampleMaker, op
from plugrad.ops.sorting._distinct import WAIVES, gradient, keep

_kernel = torch.ops.aten.unique_dim_consecutive.default


@op(
    "unique_dim_consecutive",
    overrides=(_kernel, torch.ops.aten.unique_dim_consecutive),
    waives=WAIVES,
)
class UniqueDimConsecutive(Function):
    """y = the slices of x along dim, of equal neighbours only one;  gx = gy of each slice.

    The further outputs are where each slice went, and how often each stands there. Where two
    neighbours are equal there is no derivative: an error says so.
    """

    @staticmethod
    def forward(
        ctx: Context,
        x: Tensor,
        dim: int,
        return_inverse: bool = False,
        return_counts: bool = False,
    ) -> tuple[Tensor, Tensor, Tensor]:
        inverse = return_inverse or ctx.needs_input_grad[0]
        return keep(ctx, _kernel(x, dim, inverse, return_counts), x, dim % x.dim(), return_inverse)

    @staticmethod
    def backward(ctx: Context, gy: Tensor | None, *_: Tensor | None) -> Tensor | None:
        return gradient(ctx, gy, "unique_dim_consecutive")

    @staticmethod
    def samples(make: SampleMaker) -> Iterator[Sample]:
        yield Sample(make.distinct(3, 2), 0)
        yield Sample(make.distinct(2, 3), 1, True)
        yield Sample(make.distinct(2, 2, 2), -2, False, True)
        yield Sample(make.tensor([[2.0, 0.0], [0.0, 1.0], [2.0, 0.0]]), 0, True, True)
        yield Sample(make.integers(5, 2, high=2), 0, True, True)
