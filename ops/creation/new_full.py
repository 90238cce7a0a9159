"""new_full: a tensor of any shape, full of one number."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor

from plugrad.core import Composite, Sample, SampleMaker, Variable, op
from plugrad.ops._number import constant
from plugrad.ops.creation._leaf import new_leaf


@op(
    "new_full",
    methods=("new_full",),
    reference=torch.Tensor.new_full,
    overrides=(torch.ops.aten.new_full.default,),
    differentiable=False,
)
class NewFull(Composite):
    """y = fill_value, in x's dtype and device unless told otherwise. No gradient."""

    @staticmethod
    def forward(
        x: Tensor,
        size: Sequence[int],
        fill_value: complex,
        *,
        dtype: torch.dtype | None = None,
        layout: torch.layout | None = None,
        device: torch.device | str | None = None,
        requires_grad: bool = False,
        pin_memory: bool = False,
    ) -> Tensor | Variable:
        made = x.data.new_full(
            constant(size, "new_full", "size"),
            constant(fill_value, "new_full", "fill_value"),
            dtype=dtype,
            layout=layout,
            device=device,
            pin_memory=pin_memory,
        )
        return new_leaf(made, x, requires_grad)

    @staticmethod
    def samples(make: SampleMaker) -> Iterator[Sample]:
        yield Sample(make(3), (2, 4), 2.5)
        yield Sample(make(3), [2], fill_value=2)
        yield Sample(make(3), (), 2)
        yield Sample(make(3), (0, 2), 2)
        yield Sample(make(3), (2,), 2, dtype=torch.int64)
        yield Sample(make.integers(3), (2,), 7)
        yield Sample(make.complex(3), (2,), 1j)
