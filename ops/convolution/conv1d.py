"""nn.functional.conv1d: the convolution along one dimension."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from plugrad.core import Context, Function, Sample, SampleMaker, op
from plugrad.ops._sizes import Sizes
from plugrad.ops.convolution import _geometry


@op(
    "nn.functional.conv1d",
    overrides=(torch.conv1d, torch.ops.aten.conv1d.default),
    equivalent={"option-ignored[groups]": "the shapes fit one number of groups only"},
)
class Conv1d(Function):
    """z = weight * x + bias;  gx = weight^T * gz, gweight = x * gz, gbias = sum(gz).

    x has the dimensions batch, channel, length, or without the batch.
    Padding "same" gives z the size of x, where it is odd with one more at the end; "valid" is 0.
    """

    @staticmethod
    def forward(
        ctx: Context,
        x: Tensor,
        weight: Tensor,
        bias: Tensor | None = None,
        stride: Sizes = (1,),
        padding: Sizes | str = (0,),
        dilation: Sizes = (1,),
        groups: int = 1,
    ) -> Tensor:
        z = torch.conv1d(*_geometry.operands(x, weight), bias, stride, padding, dilation, groups)
        geometry = _geometry.of_conv(weight, stride, padding, dilation, groups)
        _geometry.save(ctx, x, weight, bias, geometry)
        return z

    @staticmethod
    def backward(ctx: Context, gz: Tensor) -> tuple[Tensor | None, ...]:
        return _geometry.backward(ctx, gz)

    @staticmethod
    def samples(make: SampleMaker) -> Iterator[Sample]:
        x, weight = make(2, 4, 6), make(4, 2, 3)
        for which in ((), (0,), (1,), (2,), (0, 1)):
            yield Sample(x, weight, make(4), groups=2).constant(*which)
        yield Sample(make(2, 2, 6), make(3, 2, 3))
        yield Sample(make(2, 6), make(3, 2, 3), make(3), 2, 1, 2)
        yield Sample(make(2, 2, 6), make(3, 2, 3), make(3), [2], [1], [2], 1)
        for width in (1, 2, 3, 4):
            yield Sample(make(2, 2, 4), make(3, 2, width), make(3), padding="same")
        yield Sample(make(2, 4), make(3, 2, 2), padding="same", dilation=3)
        yield Sample(make(2, 5), make(3, 2, 2), padding="valid", stride=2)
        yield Sample(make.complex(2, 2, 5), make.complex(3, 2, 3), make.complex(3), padding="same")
        x, weight = make.complex(2, 4), make.complex(3, 2, 2)
        for which in ((0,), (1,), (2,)):
            yield Sample(x, weight, make.complex(3), padding="same").constant(*which)
        yield Sample(make(4, 2, 6).mT.contiguous().mT, make(2, 3, 6).movedim(0, 1)[..., ::2])
        yield Sample(make(0, 2, 4), make(3, 2, 2), make(3))
        yield Sample(make.tensor([[0.0, 1.0, 0.0, -2.0]]), make.tensor([[[0.0, 3.0]]]))
        yield Sample(x, weight, padding="same", stride=2).raises(RuntimeError, "strided")
        yield Sample(x, weight, padding="full").raises(RuntimeError, "padding")
