"""empty_like: a tensor of x's shape, whose elements are not set."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from plugrad.core import Composite, Sample, SampleMaker, Variable, op
from plugrad.ops.creation._leaf import given_format, new_leaf


@op(
    "empty_like",
    overrides=(torch.empty_like, torch.ops.aten.empty_like.default),
    differentiable=False,
)
class EmptyLike(Composite):
    """y = anything, in x's shape, dtype and device unless told otherwise. No gradient."""

    @staticmethod
    def forward(
        x: Tensor,
        *,
        dtype: torch.dtype | None = None,
        layout: torch.layout | None = None,
        device: torch.device | str | None = None,
        requires_grad: bool = False,
        pin_memory: bool = False,
        memory_format: torch.memory_format = torch.preserve_format,
    ) -> Tensor | Variable:
        made = torch.empty_like(
            x.data,
            dtype=dtype,
            layout=layout,
            device=device,
            pin_memory=pin_memory,
            memory_format=given_format(memory_format),
        )
        return new_leaf(made, x, requires_grad)

    @staticmethod
    def samples(make: SampleMaker) -> Iterator[Sample]:
        yield Sample(make(0, 3))
        yield Sample(make(0), dtype=torch.int64)
        yield Sample(make.complex(2, 0))
