"""nn.functional.channel_shuffle: channels dealt out anew, one of each group in turn."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from plugrad.core import Context, Function, Sample, SampleMaker, op


@op(
    "nn.functional.channel_shuffle",
    overrides=(
        torch.channel_shuffle,
        torch.native_channel_shuffle,
        torch.ops.aten.channel_shuffle.default,
        torch.ops.aten.native_channel_shuffle.default,
    ),
    linear=True,
)
class ChannelShuffle(Function):
    """y[:, i g + j] = x[:, j n + i], g groups of n channels;  gx = gy, dealt back."""

    @staticmethod
    def forward(ctx: Context, x: Tensor, groups: int) -> Tensor:
        ctx.back = max(x.shape[1] // int(groups), 1) if x.dim() > 1 and groups > 0 else 1
        return torch.channel_shuffle(x, groups)

    @staticmethod
    def backward(ctx: Context, gy: Tensor) -> Tensor:
        return torch.channel_shuffle(gy, ctx.back)

    @staticmethod
    def samples(make: SampleMaker) -> Iterator[Sample]:
        yield Sample(make(2, 6, 2), 2)
        yield Sample(make(1, 6, 1, 2), 3)
        yield Sample(make(1, 4, 2), groups=4)
        yield Sample(make(2, 3, 2), 1)
        yield Sample(make.complex(1, 4, 2), 2)
        yield Sample(make(2, 2, 4).movedim(-1, 1), 2)
        yield Sample(make(0, 4, 2), 2)
        yield Sample(make.tensor([[[0.0], [1.0], [0.0], [-2.0]]]), 2)
        yield Sample(make(1, 3, 2), 2).raises(RuntimeError, "divisible")
