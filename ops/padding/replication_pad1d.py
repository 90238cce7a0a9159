"""replication_pad1d: a tensor continued by its outermost elements in the last dimension."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor

from plugrad.core import Context, Function, Sample, SampleMaker, op
from plugrad.core.installed_torch import torch_before
from plugrad.ops.padding._sizes import sizes


@op("replication_pad1d", overrides=(torch.ops.aten.replication_pad1d.default,), linear=True)
class ReplicationPad1d(Function):
    """y = x continued by its outermost elements;  gx = for each of x the sum of gy where y has it.

    padding has two sizes a dimension, before and after, the last dimension first; a negative
    one cuts off.
    """

    @staticmethod
    def forward(ctx: Context, x: Tensor, padding: Sequence[int]) -> Tensor:
        ctx.padding = sizes(padding)
        ctx.save_for_backward(x)  # for its shape
        return _replication_pad1d(x, ctx.padding)

    @staticmethod
    def backward(ctx: Context, gy: Tensor) -> Tensor:
        (x,) = ctx.saved_tensors
        return _replication_pad1d_backward(gy, x, ctx.padding)

    @staticmethod
    def samples(make: SampleMaker) -> Iterator[Sample]:
        yield Sample(make(2, 3, 4), [2, 1])
        yield Sample(make(3, 2), (0, 5))
        yield Sample(make(2, 4), [3, -2])
        yield Sample(make.complex(1, 3), padding=[1, 4])
        yield Sample(make(0, 3, 4), [2, 1])
        yield Sample(make.tensor([[0.0, 1.0]]), [1, 1])
        low = Sample(make(3), [1, 1])
        if torch_before("2.8"):
            yield low.raises(IndexError, "range")
        else:
            yield low.raises(RuntimeError, "Expected 2D or 3D")


_replication_pad1d = torch.ops.aten.replication_pad1d.default
_replication_pad1d_backward = torch.ops.aten.replication_pad1d_backward.default
