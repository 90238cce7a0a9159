"""nn.functional.conv_transpose2d: the transpose of conv2d, of images."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from plugrad.core import Context, Function, Sample, SampleMaker, op
from plugrad.core.installed_torch import torch_before
from plugrad.ops._sizes import Sizes
from plugrad.ops.convolution import _geometry


@op(
    "nn.functional.conv_transpose2d",
    overrides=(torch.conv_transpose2d, torch.ops.aten.conv_transpose2d.input),
)
class ConvTranspose2d(Function):
    """z = weight^T * x + bias;  gx = weight * gz, gweight = gz * x, gbias = sum(gz).

    What conv2d does to the gradient of its x. The dimensions are
    batch, channel, height, width, or all but the batch.
    """

    @staticmethod
    def forward(
        ctx: Context,
        x: Tensor,
        weight: Tensor,
        bias: Tensor | None = None,
        stride: Sizes = (1, 1),
        padding: Sizes = (0, 0),
        output_padding: Sizes = (0, 0),
        groups: int = 1,
        dilation: Sizes = (1, 1),
    ) -> Tensor:
        z = torch.conv_transpose2d(
            *_geometry.operands(x, weight), bias, stride, padding, output_padding, groups, dilation
        )
        geometry = _geometry.of_convolution(
            weight, stride, padding, dilation, True, output_padding, groups
        )
        _geometry.save(ctx, x, weight, bias, geometry)
        return z

    @staticmethod
    def backward(ctx: Context, gz: Tensor) -> tuple[Tensor | None, ...]:
        return _geometry.backward(ctx, gz)

    @staticmethod
    def samples(make: SampleMaker) -> Iterator[Sample]:
        x, weight = make(1, 4, 2, 2), make(4, 1, 2, 3)
        for which in ((), (0,), (1,), (2,), (0, 1)):
            yield Sample(x, weight, make(2), groups=2).constant(*which)
        yield Sample(x, weight, groups=2)
        yield Sample(make(2, 2, 2, 3), make(2, 3, 3, 2), make(3))
        yield Sample(make(2, 2, 3), make(2, 3, 2, 3), make(3), (2, 3), (0, 1), (1, 2), 1, (1, 2))
        yield Sample(make(1, 2, 2, 3), make(2, 3, 2, 2), make(3), 2, 1, [1], 1, 2)
        yield Sample(make.complex(1, 2, 2, 3), make.complex(2, 2, 2, 2), make.complex(2), 2)
        yield Sample(make.complex(2, 2, 2), make.complex(2, 1, 2, 2))
        last = make(2, 2, 2, 2).contiguous(memory_format=torch.channels_last)
        weight = make(2, 3, 2, 2).contiguous(memory_format=torch.channels_last)
        sample = Sample(last, weight, make(3))
        reason = "torch itself loses the order of the dimensions there"
        yield sample if torch_before("2.13") else sample.waive("meta", reason)
        yield Sample(make(1, 2, 2, 2), make(3, 2, 4, 2).transpose(0, 1)[:, :, ::2], make(3))
        yield Sample(make(0, 2, 2, 2), make(2, 3, 2, 2), make(3))
        yield Sample(make.tensor([[[0.0, 1.0, -2.0]]]), make.tensor([[[[0.0, 3.0]]]]))
