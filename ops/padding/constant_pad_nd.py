"""constant_pad_nd: a border of one number around a tensor."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor

from plugrad.core import Context, Function, Sample, SampleMaker, op
from plugrad.ops.padding._sizes import sizes


@op(
    "constant_pad_nd",
    overrides=(torch.constant_pad_nd, torch.ops.aten.constant_pad_nd.default),
)
class ConstantPadNd(Function):
    """y = x with value before and after it;  gx = gy without that border.

    pad has two sizes a dimension, before and after, the last dimension first; a negative one
    cuts off.
    """

    @staticmethod
    def forward(ctx: Context, x: Tensor, pad: Sequence[int], value: complex = 0) -> Tensor:
        pad = sizes(pad)
        ctx.opposite = tuple([-size for size in pad])
        return torch.constant_pad_nd(x, pad, value)

    @staticmethod
    def backward(ctx: Context, gy: Tensor) -> Tensor:
        return torch.constant_pad_nd(gy, ctx.opposite)

    @staticmethod
    def samples(make: SampleMaker) -> Iterator[Sample]:
        yield Sample(make(2, 3), [1, 2])
        yield Sample(make(2, 3), (0, 1, 2, 0), 1.5)
        yield Sample(make(2, 3), pad=[1, -1, -1, 2], value=-2)
        yield Sample(make(2, 3), [-1, -1, 0, -1])
        yield Sample(make(2, 3, 2), [0, 0])
        yield Sample(make.complex(3), [1, 1], 2j)
        yield Sample(make.integers(3), [1, 1], 7)
        yield Sample(make.booleans(3), [1, 1], True)
        yield Sample(make(), [])
        yield Sample(make(0, 3), [1, 1, 2, 0], 1)
        yield Sample(make.tensor([0.0, 1.0]), [1, 0])
        yield Sample(make(3), [-2, -2]).raises(RuntimeError, "negative")
