"""reflection_pad3d: a tensor continued by its mirror image in the last three dimensions."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor

from plugrad.core import Context, Function, Sample, SampleMaker, op
from plugrad.ops.padding._reflected3d import reflection_pad3d_backward
from plugrad.ops.padding._sizes import sizes


@op("reflection_pad3d", overrides=(torch.ops.aten.reflection_pad3d.default,), linear=True)
class ReflectionPad3d(Function):
    """y = x continued by its mirror image;  gx = for each of x the sum of gy where y has it.

    padding has two sizes a dimension, before and after, the last dimension first; a negative
    one cuts off.
    """

    @staticmethod
    def forward(ctx: Context, x: Tensor, padding: Sequence[int]) -> Tensor:
        ctx.padding = sizes(padding)
        ctx.save_for_backward(x)  # for its shape
        return _reflection_pad3d(x, ctx.padding)

    @staticmethod
    def backward(ctx: Context, gy: Tensor) -> Tensor:
        (x,) = ctx.saved_tensors
        return reflection_pad3d_backward(gy, x, ctx.padding)

    @staticmethod
    def samples(make: SampleMaker) -> Iterator[Sample]:
        yield Sample(make(1, 2, 2, 2, 3), [2, 1, 0, 1, 1, 0])
        yield Sample(make(1, 2, 3, 2), (1, 0, 2, 1, 0, 1))
        yield Sample(make(1, 2, 2, 4), [3, -2, 0, 1, 1, -1])
        yield Sample(make.complex(1, 2, 2, 2), padding=[1, 1, 1, 1, 0, 1])
        yield Sample(make(0, 1, 2, 2, 3), [2, 1, 0, 1, 1, 0])
        yield Sample(make.tensor([[[[0.0, 1.0]]]]), [1, 1, 0, 0, 0, 0])
        yield Sample(make(1, 2, 2, 2), [2, 0, 0, 0, 0, 0]).raises(RuntimeError, "Padding size")


_reflection_pad3d = torch.ops.aten.reflection_pad3d.default
