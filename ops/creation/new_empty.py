"""new_empty: a tensor of any shape, whose elements are not set."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor

from plugrad.core import Composite, Sample, SampleMaker, Variable, op
from plugrad.ops._number import constant
from plugrad.ops.creation._leaf import new_leaf


@op(
    "new_empty",
    methods=("new_empty",),
    reference=torch.Tensor.new_empty,
    overrides=(torch.ops.aten.new_empty.default,),
    differentiable=False,
)
class NewEmpty(Composite):
    """y = anything, in x's dtype and device unless told otherwise. No gradient."""

    @staticmethod
    def forward(
        x: Tensor,
        *shape: int,
        size: Sequence[int] | None = None,
        dtype: torch.dtype | None = None,
        layout: torch.layout | None = None,
        device: torch.device | str | None = None,
        requires_grad: bool = False,
        pin_memory: bool = False,
    ) -> Tensor | Variable:
        made = x.data.new_empty(
            *constant(shape if size is None else (size,), "new_empty", "size"),
            dtype=dtype,
            layout=layout,
            device=device,
            pin_memory=pin_memory,
        )
        return new_leaf(made, x, requires_grad)

    @staticmethod
    def samples(make: SampleMaker) -> Iterator[Sample]:
        yield Sample(make(3), 0, 4)
        yield Sample(make(3), (2, 0))
        yield Sample(make(3), size=(0,))
        yield Sample(make(3), 0, dtype=torch.int64)
