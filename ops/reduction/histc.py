"""histc: how many numbers are in each of bins of one width."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from plugrad.core import Context, Function, Sample, SampleMaker, op


@op("histc", methods=("histc",), overrides=(torch.histc, torch.ops.aten.histc.default))
class Histc(Function):
    """y[b] = how many of x are in bin b of min to max (of x, if both are 0);  gx = 0.

    A count is constant but for its jumps, where a number is at an edge: gx is 0 there as well.
    torch has no gradient.
    """

    @staticmethod
    def forward(ctx: Context, x: Tensor, bins: int = 100, min: float = 0, max: float = 0) -> Tensor:
        ctx.save_for_backward(x)
        return torch.histc(x, bins, min, max)

    @staticmethod
    def backward(ctx: Context, gy: Tensor) -> Tensor:
        return torch.zeros_like(ctx.saved_tensors[0])

    @staticmethod
    def samples(make: SampleMaker) -> Iterator[Sample]:
        yield Sample(make(6), 3, -1.05, 1.1)
        yield Sample(make(2, 3), bins=4, min=-3, max=3)
        yield Sample(make(5), 2)
        yield Sample(make(5))
        yield Sample(make(), 2, -3, 3)
        yield Sample(make(0, 3), 2, -3, 3)
        yield Sample(make.tensor([0.0, 1.0, 1.0, 2.0]), 2, 0, 2).at_kink()
        yield Sample(make(3), 2, 3, -3).raises(RuntimeError, "max")
