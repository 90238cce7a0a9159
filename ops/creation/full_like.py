"""full_like: a tensor of x's shape, full of one number."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from plugrad.core import Composite, Sample, SampleMaker, Variable, op
from plugrad.ops._number import constant
from plugrad.ops.creation._leaf import given_format, new_leaf


@op(
    "full_like", overrides=(torch.full_like, torch.ops.aten.full_like.default), differentiable=False
)
class FullLike(Composite):
    """y = fill_value, in x's shape, dtype and device unless told otherwise. No gradient."""

    @staticmethod
    def forward(
        x: Tensor,
        fill_value: complex,
        *,
        dtype: torch.dtype | None = None,
        layout: torch.layout | None = None,
        device: torch.device | str | None = None,
        requires_grad: bool = False,
        pin_memory: bool = False,
        memory_format: torch.memory_format = torch.preserve_format,
    ) -> Tensor | Variable:
        made = torch.full_like(
            x.data,
            constant(fill_value, "full_like", "fill_value"),
            dtype=dtype,
            layout=layout,
            device=device,
            pin_memory=pin_memory,
            memory_format=given_format(memory_format),
        )
        return new_leaf(made, x, requires_grad)

    @staticmethod
    def samples(make: SampleMaker) -> Iterator[Sample]:
        yield Sample(make(3, 4), 2.5)
        yield Sample(make(3), fill_value=2)
        yield Sample(make(3), 2, dtype=torch.float32)
        yield Sample(make(3), 1j, dtype=torch.complex64)
        yield Sample(make.integers(3), 2)
        yield Sample(make.booleans(3), True)
        yield Sample(make(), 0)
        yield Sample(make(0, 3), 0)
