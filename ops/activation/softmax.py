"""nn.functional.softmax: positive numbers that sum to one along a dimension."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from plugrad.core import Context, Function, Sample, SampleMaker, op
from plugrad.ops.activation import _softmax


@op(
    "nn.functional.softmax",
    methods=("softmax",),
    overrides=(torch.nn.functional.softmax, torch.softmax, torch.special.softmax),
)
class Softmax(Function):
    """y = exp(x) / sum(exp(x)) along dim;  gx = y (gy - sum(gy y)).

    With dtype, x is cast to it first. A row of -inf gives nan.
    """

    @staticmethod
    def forward(
        ctx: Context,
        x: Tensor,
        dim: int | None = None,
        _stacklevel: int | torch.dtype | None = None,
        dtype: torch.dtype | None = None,
    ) -> Tensor:
        return _softmax.forward(ctx, torch.softmax, x, dim, _stacklevel, dtype)

    @staticmethod
    def backward(ctx: Context, gy: Tensor) -> Tensor:
        return _softmax.backward(ctx, _softmax_backward_data, gy)

    @staticmethod
    def samples(make: SampleMaker) -> Iterator[Sample]:
        yield Sample(make(3, 4), 1)
        yield Sample(make(3, 4), dim=-2)
        yield Sample(make(2, 3, 2), 1)
        yield Sample(make(3, 4), 1, dtype=torch.float64)
        yield Sample(make(3, 4).float(), 1, dtype=torch.float64)
        yield Sample(make.integers(3, 4), 1, dtype=torch.float64)
        yield Sample(make(), 0)
        yield Sample(make(0, 3), 1)
        yield Sample(make(3, 0), 1)
        yield Sample(make.tensor([1.0, float("-inf"), 2.0, 2.0]), 0)
        yield Sample(make.tensor([float("-inf"), float("-inf")]), 0)
        yield Sample(make.tensor([0.0, 1.0]), 0)
        yield Sample(make(2, 3), 1, _stacklevel=2)


_softmax_backward_data = torch._softmax_backward_data  # half the call of torch.ops.aten...
