"""all: whether every element is nonzero."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from plugrad.core import Context, Function, Sample, SampleMaker, op
from plugrad.ops.reduction._dims import Dim


@op(
    "all",
    methods=("all",),
    overrides=(
        torch.all,
        torch.ops.aten.all.default,
        torch.ops.aten.all.dim,
        torch.ops.aten.all.dims,
    ),
    differentiable=False,
)
class All(Function):
    """y = whether every element of x along dim is nonzero; no gradient.

    No dim means all dimensions, an empty dim none at all. For no elements it is True.
    """

    @staticmethod
    def forward(ctx: Context, x: Tensor, dim: Dim = None, keepdim: bool = False) -> Tensor:
        return torch.all(x, dim, keepdim)

    @staticmethod
    def samples(make: SampleMaker) -> Iterator[Sample]:
        yield Sample(make.booleans(3, 4))
        yield Sample(make.booleans(3, 4), 1)
        yield Sample(make.booleans(2, 3, 2), (0, -1))
        yield Sample(make.booleans(3, 4), [0], True)
        yield Sample(make.booleans(3, 4), dim=-1, keepdim=True)
        yield Sample(make.booleans(3, 4), keepdim=True)
        yield Sample(make.booleans(3, 4), dim=())
        yield Sample(make.integers(3, 4), 0)
        yield Sample(make.tensor([[0.0, 1.0], [float("nan"), 0.5]]), 1)
        yield Sample(make.tensor([0, 1j], dtype=torch.complex128))
        yield Sample(make.tensor([0, 2], dtype=torch.uint8))
        yield Sample(make.tensor(0.0))
        yield Sample(make(0))
        yield Sample(make(0, 3), 0)
