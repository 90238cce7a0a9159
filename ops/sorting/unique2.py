"""unique2: the values of all elements, each once, in order."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from plugrad.core import Context, Function, Sample, SampleMaker, op
from plugrad.ops.sorting._distinct import WAIVES_OF_SORTED, gradient, keep

_kernel = torch.ops.aten._unique2.default


@op("unique2", overrides=(_kernel, torch.ops.aten._unique2), waives=WAIVES_OF_SORTED)
class Unique2(Function):
    """y = the values of x, each once, in ascending order;  gx = gy of the value of each.

    The further outputs are where each element went, and how often each value stands in x.
    torch.unique calls it. Where two elements are equal there is no derivative: an error says so.
    """

    @staticmethod
    def forward(
        ctx: Context,
        x: Tensor,
        sorted: bool = True,
        return_inverse: bool = False,
        return_counts: bool = False,
    ) -> tuple[Tensor, Tensor, Tensor]:
        inverse = return_inverse or ctx.needs_input_grad[0]
        return keep(ctx, _kernel(x, sorted, inverse, return_counts), x, None, return_inverse)

    @staticmethod
    def backward(ctx: Context, gy: Tensor | None, *_: Tensor | None) -> Tensor | None:
        return gradient(ctx, gy, "unique")

    @staticmethod
    def samples(make: SampleMaker) -> Iterator[Sample]:
        yield Sample(make.distinct(5))
        yield Sample(make.distinct(2, 3), return_inverse=True)
        yield Sample(make.distinct(2, 2), False, False, True)
        yield Sample(make())
        yield Sample(make(0))
        yield Sample(make.tensor([2.0, 0.0, -1.0]), True, True, True)
        yield Sample(make.integers(5, high=3), True, True, True)
