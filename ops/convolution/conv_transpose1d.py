"""nn.functional.conv_transpose1d: the transpose of conv1d, along one dimension."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from plugrad.core import Context, Function, Sample, SampleMaker, op
from plugrad.ops._sizes import Sizes
from plugrad.ops.convolution import _geometry


@op(
    "nn.functional.conv_transpose1d",
    overrides=(torch.conv_transpose1d, torch.ops.aten.conv_transpose1d.default),
)
class ConvTranspose1d(Function):
    """z = weight^T * x + bias;  gx = weight * gz, gweight = gz * x, gbias = sum(gz).

    What conv1d does to the gradient of its x. The dimensions are
    batch, channel, length, or all but the batch.
    """

    @staticmethod
    def forward(
        ctx: Context,
        x: Tensor,
        weight: Tensor,
        bias: Tensor | None = None,
        stride: Sizes = (1,),
        padding: Sizes = (0,),
        output_padding: Sizes = (0,),
        groups: int = 1,
        dilation: Sizes = (1,),
    ) -> Tensor:
        z = torch.conv_transpose1d(
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
        x, weight = make(2, 4, 3), make(4, 1, 3)
        for which in ((), (0,), (1,), (2,), (0, 1)):
            yield Sample(x, weight, make(2), groups=2).constant(*which)
        yield Sample(x, weight, groups=2)
        yield Sample(make(2, 2, 4), make(2, 3, 3))
        yield Sample(make(2, 4), make(2, 3, 3), make(3), 3, 1, 2)
        yield Sample(make(2, 2, 4), make(2, 3, 3), make(3), [2], [1], [1], 1, [2])
        yield Sample(make.complex(2, 2, 3), make.complex(2, 3, 3), make.complex(3), 2, 0, 1)
        x, weight = make.complex(2, 3), make.complex(2, 1, 2)
        for which in ((0,), (1,), (2,)):
            yield Sample(x, weight, make.complex(1)).constant(*which)
        yield Sample(make(2, 2, 4).mT.contiguous().mT, make(3, 2, 6).movedim(0, 1)[..., ::2])
        yield Sample(make(0, 2, 4), make(2, 3, 2), make(3))
        yield Sample(make.tensor([[0.0, 1.0, -2.0]]), make.tensor([[[0.0, 3.0]]]))
