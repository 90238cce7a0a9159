"""trace: the sum of the diagonal of a matrix."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from plugrad.core import Context, Function, Sample, SampleMaker, op
from plugrad.core.installed_torch import torch_before


@op("trace", methods=("trace",), overrides=(torch.trace, torch.ops.aten.trace.default), linear=True)
class Trace(Function):
    """y = the sum of x[i, i];  gx = gy on the diagonal, else 0."""

    @staticmethod
    def forward(ctx: Context, x: Tensor) -> Tensor:
        ctx.x_shape = x.shape
        return torch.trace(x)

    @staticmethod
    def backward(ctx: Context, gy: Tensor) -> Tensor:
        shape = ctx.x_shape
        on_diagonal = gy.expand(min(shape))
        gx: Tensor = torch.ops.aten.diagonal_backward.default(on_diagonal, shape, 0, 0, 1)
        return gx

    @staticmethod
    def samples(make: SampleMaker) -> Iterator[Sample]:
        yield Sample(make(3, 3))
        yield Sample(make(2, 4))
        tall, reason = Sample(make(4, 2)), "torch's own went on below the diagonal"
        yield tall.without_oracle(reason) if torch_before("2.13") else tall
        yield Sample(make.complex(2, 2))
        yield Sample(make.integers(2, 2))
        yield Sample(make(0, 3))
