"""nn.functional.adaptive_avg_pool1d: means of windows that fit the output's size."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from plugrad.core import Context, Function, Sample, SampleMaker, op
from plugrad.ops._sizes import Sizes


@op(
    "nn.functional.adaptive_avg_pool1d",
    overrides=(torch.nn.functional.adaptive_avg_pool1d, torch.ops.aten.adaptive_avg_pool1d.default),
    linear=True,
)
class AdaptiveAvgPool1d(Function):
    """y = sum(x) / n of a window;  gx = sum(gy / n) of the windows that x is in.

    The windows cover x evenly and may overlap. x may lack the batch.
    """

    @staticmethod
    def forward(ctx: Context, x: Tensor, output_size: Sizes) -> Tensor:
        y: Tensor = _forward(x, output_size)
        ctx.shape = x.shape
        if y.shape[-1] > 1:  # a single window needs x's shape alone
            ctx.save_for_backward(x)
        return y

    @staticmethod
    def backward(ctx: Context, gy: Tensor) -> Tensor:
        if gy.shape[-1] == 1:
            return (gy / ctx.shape[-1]).expand(ctx.shape)
        (x,) = ctx.saved_tensors
        gx: Tensor = _backward(gy.unsqueeze(-2), x.unsqueeze(-2))
        return gx.squeeze(-2)

    @staticmethod
    def samples(make: SampleMaker) -> Iterator[Sample]:
        yield Sample(make(2, 2, 5), 3)
        yield Sample(make(2, 3), output_size=[5])
        yield Sample(make(2, 2, 4), 1)
        yield Sample(make(2, 2, 4), 2)
        yield Sample(make(3, 1), 1)
        yield Sample(make(2, 3, 2).mT, (2,))
        yield Sample(make(0, 2, 4), 3)
        yield Sample(make(0, 2, 4), 1)
        yield Sample(make.tensor([[1.0, 0.0, -2.0]]), 2)
        yield Sample(make(1, 1, 3), -1).raises(RuntimeError, "output_size")


_forward = torch.nn.functional.adaptive_avg_pool1d
_backward = torch.ops.aten._adaptive_avg_pool2d_backward.default
