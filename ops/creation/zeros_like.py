"""zeros_like: a tensor of x's shape, full of zeros."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from plugrad.core import Composite, Sample, SampleMaker, Variable, op
from plugrad.ops.creation._leaf import given_format, new_leaf


@op(
    "zeros_like",
    overrides=(torch.zeros_like, torch.ops.aten.zeros_like.default),
    differentiable=False,
)
class ZerosLike(Composite):
    """y = 0, in x's shape, dtype and device unless told otherwise. No gradient."""

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
        made = torch.zeros_like(
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
        yield Sample(make(3, 4))
        yield Sample(make(3), dtype=torch.float32)
        yield Sample(make.integers(3))
        yield Sample(make.complex(3))
        yield Sample(make.booleans(3))
        yield Sample(make())
        yield Sample(make(0, 3))
