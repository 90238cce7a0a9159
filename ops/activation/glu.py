"""nn.functional.glu: one half of a tensor, gated by the other."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from plugrad.core import Context, Function, Sample, SampleMaker, op
from plugrad.ops._number import number


@op("nn.functional.glu", overrides=(torch.nn.functional.glu, torch.ops.aten.glu.default))
class Glu(Function):
    """y = a s, with a and b the halves of x along dim, and s the sigmoid of b.

    gx = the halves gy s and gy a s (1 - s). Dauphin et al., "Language modeling with gated
    convolutional networks", 2016.
    """

    @staticmethod
    def forward(ctx: Context, x: Tensor, dim: int = -1) -> Tensor:
        ctx.dim = number(dim)
        ctx.save_for_backward(x)
        return torch.nn.functional.glu(x, ctx.dim)

    @staticmethod
    def backward(ctx: Context, gy: Tensor) -> Tensor:
        (x,) = ctx.saved_tensors
        return _glu_backward(gy, x, ctx.dim)

    @staticmethod
    def samples(make: SampleMaker) -> Iterator[Sample]:
        yield Sample(make(3, 4))
        yield Sample(make(4, 2), 0)
        yield Sample(make(2, 2, 3), dim=-2)
        yield Sample(make(2))
        yield Sample(make(0, 4))
        yield Sample(make(3, 0))
        yield Sample(make.tensor([1.0, 2.0, 0.0, -800.0, 800.0, 0.0]))
        yield Sample(make(3)).raises(RuntimeError, "must be even")


_glu_backward = torch.ops.aten.glu_backward.default
