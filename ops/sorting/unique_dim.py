"""unique_dim: the slices along a dimension, each once, in order."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from plugrad.core import Context, Function, Sample, SampleMaker, op
from plugrad.ops.sorting._distinct import WAIVES, gradient, keep

_kernel = torch.ops.aten.unique_dim.default


@op(
    "unique_dim",
    overrides=(_kernel, torch.ops.aten.unique_dim),
    waives=WAIVES,
)
class UniqueDim(Function):
    """y = the slices of x along dim, each once, in lexicographic order;  gx = gy of each slice.

    The further outputs are where each slice went, and how often each stands in x. torch.unique
    calls it. Where two slices are equal, or their first elements, so that a small change of these
    changes the order, there is no derivative: an error says so.
    """

    @staticmethod
    def forward(
        ctx: Context,
        x: Tensor,
        dim: int,
        sorted: bool = True,
        return_inverse: bool = False,
        return_counts: bool = False,
    ) -> tuple[Tensor, Tensor, Tensor]:
        inverse = return_inverse or ctx.needs_input_grad[0]
        found = _kernel(x, dim, sorted, inverse, return_counts)
        outputs = keep(ctx, found, x, dim % x.dim(), return_inverse)
        if ctx.needs_input_grad[0]:
            ctx.all_differ &= _order_is_clear(x, dim)
        return outputs

    @staticmethod
    def backward(ctx: Context, gy: Tensor | None, *_: Tensor | None) -> Tensor | None:
        return gradient(ctx, gy, "unique", "slices begin with equal elements")

    @staticmethod
    def samples(make: SampleMaker) -> Iterator[Sample]:
        yield Sample(make.distinct(3, 2), 0)
        yield Sample(make.distinct(2, 3), 1, return_inverse=True)
        yield Sample(make.distinct(2, 2, 2), -2, False, False, True)
        yield Sample(make.tensor([[2.0, 0.0], [0.0, 1.0], [1.0, 0.0]]), 0, True, True, True)
        yield Sample(make.integers(5, 2, high=2), 0, True, True, True)


def _order_is_clear(x: Tensor, dim: int) -> bool:
    """Whether the first elements of the slices all differ: they alone decide the order."""
    first = x.movedim(dim, 0).flatten(1)[:, :1] if x.dim() > 1 else x
    return torch.unique(first).numel() == x.shape[dim]
