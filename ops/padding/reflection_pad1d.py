"""reflection_pad1d: a tensor continued by its mirror image in the last dimension."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor

from plugrad.core import Context, Function, Sample, SampleMaker, op
from plugrad.ops.padding._sizes import sizes


@op("reflection_pad1d", overrides=(torch.ops.aten.reflection_pad1d.default,), linear=True)
class ReflectionPad1d(Function):
    """y = x continued by its mirror image;  gx = for each of x the sum of gy where y has it.

    padding has two sizes a dimension, before and after, the last dimension first; a negative
    one cuts off.
    """

    @staticmethod
    def forward(ctx: Context, x: Tensor, padding: Sequence[int]) -> Tensor:
        ctx.padding = sizes(padding)
        ctx.save_for_backward(x)  # for its shape
        return _reflection_pad1d(x, ctx.padding)

    @staticmethod
    def backward(ctx: Context, gy: Tensor) -> Tensor:
        (x,) = ctx.saved_tensors
        return _reflection_pad1d_backward(gy, x, ctx.padding)

    @staticmethod
    def samples(make: SampleMaker) -> Iterator[Sample]:
        yield Sample(make(2, 3, 5), [2, 1])
        yield Sample(make(3, 5), (0, 4))
        yield Sample(make(2, 5), [3, -2])
        yield Sample(make.complex(1, 4), padding=[1, 3])
        yield Sample(make(0, 3, 5), [2, 1])
        yield Sample(make.tensor([[0.0, 1.0]]), [1, 1])
        yield Sample(make(2, 3), [3, 0]).raises(RuntimeError, "Padding size")


_reflection_pad1d = torch.ops.aten.reflection_pad1d.default
_reflection_pad1d_backward = torch.ops.aten.reflection_pad1d_backward.default
