"""nn.functional.pixel_unshuffle: finer images to channels."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from plugrad.core import Context, Function, Sample, SampleMaker, op


@op(
    "nn.functional.pixel_unshuffle",
    overrides=(torch.pixel_unshuffle, torch.ops.aten.pixel_unshuffle.default),
    linear=True,
)
class PixelUnshuffle(Function):
    """y[c r^2 + i r + j, h, w] = x[c, h r + i, w r + j], r the factor;  gx = gy, shuffled back.

    What is before the last three dimensions is a batch.
    """

    @staticmethod
    def forward(ctx: Context, x: Tensor, downscale_factor: int) -> Tensor:
        ctx.shape, ctx.factor = tuple(x.shape), int(downscale_factor)
        return torch.pixel_unshuffle(x, downscale_factor)

    @staticmethod
    def backward(ctx: Context, gy: Tensor) -> Tensor:
        if gy.numel() == 0:  # torch would give it another shape
            return gy.reshape(ctx.shape)
        return torch.pixel_shuffle(gy, ctx.factor)

    @staticmethod
    def samples(make: SampleMaker) -> Iterator[Sample]:
        yield Sample(make(2, 1, 4, 6), 2)
        yield Sample(make(1, 3, 6), 3)
        yield Sample(make(1, 2, 1, 2, 4), downscale_factor=2)
        yield Sample(make(2, 2, 2), 1)
        yield Sample(make.complex(1, 4, 2), 2)
        yield Sample(make(1, 4, 2, 2).movedim(-1, 1), 2)
        yield Sample(make(0, 2, 2), 1)
        yield Sample(make.tensor([[[0.0, 1.0], [0.0, -2.0]]]), 2)
        yield Sample(make(1, 3, 2), 2).raises(RuntimeError, "divisible")
