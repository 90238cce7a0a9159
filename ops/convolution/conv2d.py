"""nn.functional.conv2d: the convolution of images."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from plugrad.core import Context, Function, Sample, SampleMaker, op
from plugrad.core.installed_torch import torch_before
from plugrad.ops._sizes import Sizes
from plugrad.ops.convolution import _geometry


@op(
    "nn.functional.conv2d",
    overrides=(torch.conv2d, torch.ops.aten.conv2d.default),
    equivalent={"option-ignored[groups]": "the shapes fit one number of groups only"},
)
class Conv2d(Function):
    """z = weight * x + bias;  gx = weight^T * gz, gweight = x * gz, gbias = sum(gz).

    x has the dimensions batch, channel, height, width, or without the batch.
    Padding "same" gives z the size of x, where it is odd with one more at the end; "valid" is 0.
    """

    @staticmethod
    def forward(
        ctx: Context,
        x: Tensor,
        weight: Tensor,
        bias: Tensor | None = None,
        stride: Sizes = (1, 1),
        padding: Sizes | str = (0, 0),
        dilation: Sizes = (1, 1),
        groups: int = 1,
    ) -> Tensor:
        z = torch.conv2d(*_geometry.operands(x, weight), bias, stride, padding, dilation, groups)
        geometry = _geometry.of_conv(weight, stride, padding, dilation, groups)
        _geometry.save(ctx, x, weight, bias, geometry)
        return z

    @staticmethod
    def backward(ctx: Context, gz: Tensor) -> tuple[Tensor | None, ...]:
        return _geometry.backward(ctx, gz)

    @staticmethod
    def samples(make: SampleMaker) -> Iterator[Sample]:
        x, weight = make(1, 4, 3, 4), make(2, 2, 2, 3)
        for which in ((), (0,), (1,), (2,), (0, 1)):
            yield Sample(x, weight, make(2), groups=2).constant(*which)
        yield Sample(make(2, 2, 4, 4), make(3, 2, 3, 3), make(3))
        yield Sample(make(2, 4, 5), make(3, 2, 2, 3), make(3), (2, 3), (0, 1), (1, 2))
        yield Sample(make(1, 2, 4, 5), make(3, 2, 2, 2), make(3), 2, 1, [2], 1)
        yield Sample(make(1, 2, 3, 4), make(2, 2, 2, 3), make(2), padding="same")
        yield Sample(make(2, 3, 4), make(2, 2, 3, 4), padding="same", dilation=(1, 3))
        yield Sample(make(1, 2, 4, 4), make(2, 2, 4, 2), padding="same")
        yield Sample(make(2, 3, 4), make(2, 2, 2, 3), padding="valid", stride=(1, 2))
        weight, bias = make.complex(2, 2, 2, 2), make.complex(2)
        yield Sample(make.complex(1, 2, 3, 4), weight, bias, padding="same")
        yield Sample(make.complex(2, 3, 3), weight, stride=2)
        last = make(2, 2, 3, 3).contiguous(memory_format=torch.channels_last)
        weight = make(3, 2, 2, 2).contiguous(memory_format=torch.channels_last)
        sample = Sample(last, weight, make(3))
        reason = "torch itself loses the order of the dimensions there"
        yield sample if torch_before("2.13") else sample.waive("meta", reason)
        yield Sample(make(1, 2, 3, 3), make(2, 2, 4, 2).transpose(0, 1)[:, :, ::2], make(2))
        yield Sample(make(0, 2, 4, 4), make(3, 2, 2, 2), make(3))
        yield Sample(make.tensor([[[0.0, 1.0, 0.0, -2.0]]]), make.tensor([[[[0.0, 3.0]]]]))
        strided = Sample(make(2, 3, 4), make(2, 2, 2, 3), padding="same", stride=2)
        yield strided.raises(RuntimeError, "strided")
