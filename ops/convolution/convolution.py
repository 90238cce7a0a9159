"""convolution: the primitive of all convolutions, for real numbers."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from plugrad.core import Context, Function, Sample, SampleMaker, op
from plugrad.ops._sizes import Sizes
from plugrad.ops.convolution import _geometry


@op("convolution", overrides=(torch.convolution, torch.ops.aten.convolution.default))
class Convolution(Function):
    """z = weight * x + bias;  gx = weight^T * gz, gweight = x * gz, gbias = sum(gz).

    Transposed, z = weight^T * x, and so the gradients change places. The dimensions are batch,
    channel, and one to three of space; complex numbers are conv2d's and its kin's.
    """

    @staticmethod
    def forward(
        ctx: Context,
        x: Tensor,
        weight: Tensor,
        bias: Tensor | None,
        stride: Sizes,
        padding: Sizes,
        dilation: Sizes,
        transposed: bool,
        output_padding: Sizes,
        groups: int,
    ) -> Tensor:
        geometry = _geometry.of_convolution(
            weight, stride, padding, dilation, transposed, output_padding, groups
        )
        _geometry.save(ctx, x, weight, bias, geometry)
        return torch.convolution(*_geometry.operands(x, weight), bias, *geometry.arguments)

    @staticmethod
    def backward(ctx: Context, gz: Tensor) -> tuple[Tensor | None, ...]:
        return _geometry.backward(ctx, gz)

    @staticmethod
    def samples(make: SampleMaker) -> Iterator[Sample]:
        one, none = [1], [0]
        for tail in (
            (one, none, one, False, none, 1),
            ([2], one, [2], False, none, 1),
            ([2], one, [2], True, one, 1),
            (one, none, one, True, none, 1),
        ):
            yield Sample(make(2, 2, 6), make(2, 2, 3), make(2), *tail)
            yield Sample(make(2, 2, 6), make(2, 2, 3), None, *tail)
        x, weight, plain = make(2, 4, 5), make(4, 2, 3), (one, none, one, False, none, 2)
        for which in ((0,), (1,), (2,), (0, 1)):
            yield Sample(x, weight, make(4), *plain).constant(*which)
        yield Sample(x, weight, make(4), [2], one, one, True, one, 2)
        yield Sample(make(1, 2, 3, 4), make(3, 2, 2, 3), make(3), *_two(False, (0, 0)))
        yield Sample(make(1, 2, 3, 4), make(2, 3, 2, 3), make(3), *_two(True, (0, 2)))
        three = ([1, 2, 1], [0, 1, 0], [1, 1, 1], False, [0, 0, 0], 1)
        yield Sample(make(1, 2, 2, 3, 3), make(2, 2, 2, 2, 1), make(2), *three)
        yield Sample(make(0, 2, 4), make(3, 2, 2), make(3), one, none, one, False, none, 1)
        zeros = make.tensor([[[0.0, 1.0, 0.0, -2.0]]])
        yield Sample(zeros, make.tensor([[[0.0, 3.0]]]), None, one, none, one, False, none, 1)


def _two(transposed: bool, output_padding: tuple[int, int]) -> tuple[object, ...]:
    return [2, 3], [0, 1], [1, 1], transposed, list(output_padding), 1
