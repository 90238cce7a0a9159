"""new_zeros: a tensor of any shape, full of zeros."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor

from plugrad.core import Composite, Sample, SampleMaker, Variable, op
from plugrad.ops._number import constant
from plugrad.ops.creation._leaf import new_leaf


@op(
    "new_zeros",
    methods=("new_zeros",),
    reference=torch.Tensor.new_zeros,
    overrides=(torch.ops.aten.new_zeros.default,),
    differentiable=False,
)
class NewZeros(Composite):
    """y = 0, in x's dtype and device unless told otherwise. No gradient."""

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
        made = x.data.new_zeros(
            *constant(shape if size is None else (size,), "new_zeros", "size"),
            dtype=dtype,
            layout=layout,
            device=device,
            pin_memory=pin_memory,
        )
        return new_leaf(made, x, requires_grad)

    @staticmethod
    def samples(make: SampleMaker) -> Iterator[Sample]:
        yield Sample(make(3), 2, 4)
        yield Sample(make(3), (2, 4))
        yield Sample(make(3), [2])
        yield Sample(make(3), size=(2, 3))
        yield Sample(make(3), ())
        yield Sample(make(3), 0, 2)
        yield Sample(make(3), 2, dtype=torch.int64)
        yield Sample(make.integers(3), 2)
        yield Sample(make.complex(3), 2)
