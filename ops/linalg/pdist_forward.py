"""pdist_forward: the distances of each two of a set of points, as torch's kernel has them."""

from __future__ import annotations

import math
from collections.abc import Iterator

import torch
from torch import Tensor

from plugrad.core import Context, Function, Sample, SampleMaker, op
from plugrad.ops._number import number
from plugrad.ops.linalg._pairs import NO_SECOND


@op(
    "pdist_forward",
    overrides=(torch.ops.aten._pdist_forward.default,),
    reference=torch.nn.functional.pdist,
    waives=NO_SECOND,
)
class PdistForward(Function):
    """y = p-norms of x[i] - x[j] for i < j, row by row;  gx = pdist_backward.

    Where two points are equal the gradient is 0, and so it is for p = 0; for p = inf each of the
    largest differences has all of it, as in torch.
    """

    @staticmethod
    def forward(ctx: Context, x: Tensor, p: float = 2.0) -> Tensor:
        y = torch.nn.functional.pdist(x, p)  # which checks x, as the kernel does not
        ctx.save_for_backward(x, y)
        ctx.p = float(number(p))
        return y

    @staticmethod
    def backward(ctx: Context, gy: Tensor) -> Tensor:
        x, y = ctx.saved_tensors
        if y.numel() == 0:  # of no points torch's kernel crashes
            return torch.zeros_like(x)
        return _backward(gy.contiguous(), x.contiguous(), ctx.p, y)

    @staticmethod
    def samples(make: SampleMaker) -> Iterator[Sample]:
        for p in (0.0, 0.5, 1.0, 1.5, 2.0, 3.0, math.inf):
            yield Sample(make(4, 2), p)
        yield Sample(make(4, 2))
        yield Sample(make(1, 2))
        yield Sample(make.tensor([[0.0, 1.0], [0.5, 0.0]]))
        for p in (1.0, 1.5, 2.0, 3.0, math.inf):
            yield Sample(make.tensor([[0.0, 1.0], [0.0, 1.0]]), p).at_kink()
        yield Sample(make(4), 2.0).raises(RuntimeError, "2D tensors")


_backward = torch.ops.aten._pdist_backward.default
