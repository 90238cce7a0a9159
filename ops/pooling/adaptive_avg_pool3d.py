"""nn.functional.adaptive_avg_pool3d: means of windows that fit the output's size."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor

from plugrad.core import Context, Function, Sample, SampleMaker, op
from plugrad.ops._sizes import Sizes


@op(
    "nn.functional.adaptive_avg_pool3d",
    overrides=(
        torch.nn.functional.adaptive_avg_pool3d,
        torch._C._nn.adaptive_avg_pool3d,
        torch.ops.aten.adaptive_avg_pool3d.default,
        torch.ops.aten._adaptive_avg_pool3d.default,
    ),
    linear=True,
)
class AdaptiveAvgPool3d(Function):
    """y = sum(x) / n of a window;  gx = sum(gy / n) of the windows that x is in.

    The windows cover x evenly and may overlap. x may lack the batch.
    """

    @staticmethod
    def forward(ctx: Context, x: Tensor, output_size: Sizes) -> Tensor:
        y: Tensor = _forward(x, output_size)
        ctx.shape = x.shape
        if y.shape[-3:].numel() > 1:  # a single window needs x's shape alone
            ctx.save_for_backward(x)
        return y

    @staticmethod
    def backward(ctx: Context, gy: Tensor) -> Tensor:
        if gy.shape[-3:].numel() == 1:
            return (gy / ctx.shape[-3:].numel()).expand(ctx.shape)
        (x,) = ctx.saved_tensors
        gx: Tensor = _backward(gy, x)
        return gx

    @staticmethod
    def samples(make: SampleMaker) -> Iterator[Sample]:
        yield Sample(make(1, 1, 5, 3, 2), (3, 2, 1))
        yield Sample(make(2, 2, 1, 3), output_size=[2, 3, 2])
        yield Sample(make(1, 2, 2, 3, 3), 2)
        yield Sample(make(1, 2, 2, 3, 2), 1)
        yield Sample(make(1, 2, 3, 2), (1, None, 2))
        yield Sample(make(1, 2, 2, 2), (None, 1, 1))
        yield Sample(make(1, 2, 3, 2, 2).movedim(1, -1), (2, 1, 1))
        yield Sample(make(1, 2, 3, 2, 2).movedim(1, -1), 1)
        yield Sample(make(0, 2, 3, 2, 2), 3)
        yield Sample(make(0, 2, 3, 2, 2), 1)
        yield Sample(make.tensor([[[[1.0, 0.0, -2.0]]]]), (1, 1, 2))
        yield Sample(make(1, 1, 3, 3, 3), -1).raises(RuntimeError, "output_size")


_forward: Any = torch.nn.functional.adaptive_avg_pool3d
_backward = torch.ops.aten._adaptive_avg_pool3d_backward.default
