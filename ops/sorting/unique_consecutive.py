"""unique_consecutive: the values of all elements, of equal neighbours only one."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from plugrad.core import Context, Function, Sample, SampleMaker, op
from plugrad.ops.sorting._distinct import WAIVES, gradient, keep

_kernel = torch.ops.aten.unique_consecutive.default


@op("unique_consecutive", overrides=(_kernel, torch.ops.aten.unique_consecutive), waives=WAIVES)
class UniqueConsecutive(Function):
    """y = the values of x, of equal neighbours only one;  gx = gy of the value of each element.

    The further outputs are where each went, and how often each value stands there. With dim it is
    about the slices along this dimension. Where two neighbours are equal there is no derivative:
    an error says so.
    """

    @staticmethod
    def forward(
        ctx: Context,
        x: Tensor,
        return_inverse: bool = False,
        return_counts: bool = False,
        dim: int | None = None,
    ) -> tuple[Tensor, Tensor, Tensor]:
        inverse = return_inverse or ctx.needs_input_grad[0]
        return keep(
            ctx,
            _kernel(x, inverse, return_counts, dim),
            x,
            None if dim is None else dim % x.dim(),
            return_inverse,
        )

    @staticmethod
    def backward(ctx: Context, gy: Tensor | None, *_: Tensor | None) -> Tensor | None:
        return gradient(ctx, gy, "unique_consecutive")

    @staticmethod
    def samples(make: SampleMaker) -> Iterator[Sample]:
        yield Sample(make.distinct(5))
        yield Sample(make.distinct(2, 3), True)
        yield Sample(make.distinct(2, 3), False, True, 1)
        yield Sample(make.distinct(2, 2, 2), dim=-2)
        yield Sample(make())
        yield Sample(make(0))
        yield Sample(make.tensor([2.0, 0.0, 2.0]), True, True)
        yield Sample(make.integers(5, high=2), True, True)
        yield Sample(make.integers(5, 2, high=2), True, True, 0)
