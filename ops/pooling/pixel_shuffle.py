"""nn.functional.pixel_shuffle: channels to finer images."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from plugrad.core import Context, Function, Sample, SampleMaker, op


@op(
    "nn.functional.pixel_shuffle",
    overrides=(torch.pixel_shuffle, torch.ops.aten.pixel_shuffle.default),
    linear=True,
)
class PixelShuffle(Function):
    """y[c, h r + i, w r + j] = x[c r^2 + i r + j, h, w], r the factor;  gx = gy, shuffled back.

    What is before the last three dimensions is a batch.
    """

    @staticmethod
    def forward(ctx: Context, x: Tensor, upscale_factor: int) -> Tensor:
        ctx.shape, ctx.factor = tuple(x.shape), int(upscale_factor)
        return torch.pixel_shuffle(x, upscale_factor)

    @staticmethod
    def backward(ctx: Context, gy: Tensor) -> Tensor:
        if gy.numel() == 0:  # torch would give it another shape
            return gy.reshape(ctx.shape)
        return torch.pixel_unshuffle(gy, ctx.factor)

    @staticmethod
    def samples(make: SampleMaker) -> Iterator[Sample]:
        yield Sample(make(2, 4, 2, 3), 2)
        yield Sample(make(9, 1, 2), 3)
        yield Sample(make(1, 2, 4, 1, 2), upscale_factor=2)
        yield Sample(make(2, 2, 2), 1)
        yield Sample(make.complex(4, 2, 1), 2)
        last = Sample(make(2, 2, 1, 4).movedim(-1, 1), 2)
        yield last.waive("meta", "torch itself loses the order of the dimensions there")
        yield Sample(make(0, 4, 2, 2), 2)
        yield Sample(make.tensor([[[0.0]], [[1.0]], [[0.0]], [[-2.0]]]), 2)
        yield Sample(make(3, 2, 2), 2).raises(RuntimeError, "divisible")
