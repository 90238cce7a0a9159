"""reshape_alias: the same memory in a shape that fits it, with its strides."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor

from plugrad.core import Composite, Sample, SampleMaker, op


@op(
    "reshape_alias",
    overrides=(torch.ops.aten._reshape_alias.default,),
    linear=True,
    view=True,
    waives={
        "layouts": "it is about memory: laid out in another way, that is another tensor",
        "sizes": "a smaller tensor has less memory than the strides reach",
    },
)
class ReshapeAlias(Composite):
    """y = x's memory from its first element on, by strides;  gx = zeros with gy added there.

    It is how torch's reshape makes its views.
    """

    @staticmethod
    def forward(x: Tensor, size: Sequence[int], stride: Sequence[int]) -> Tensor:
        return x.as_strided(size, stride)

    @staticmethod
    def samples(make: SampleMaker) -> Iterator[Sample]:
        yield Sample(make(3, 4), (2, 6), (6, 1))
        yield Sample(make(3, 4), size=[12], stride=[1])
        yield Sample(make.complex(2, 3), (3, 2), (2, 1))
        yield Sample(make(0, 3), (3, 0), (1, 1))
        yield Sample(make(), (1, 1), (1, 1))
