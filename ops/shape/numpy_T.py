"""numpy_T: the attribute T, a matrix with rows and columns swapped."""

from __future__ import annotations

from collections.abc import Iterator
from operator import attrgetter

import torch
from torch import Tensor

from plugrad.core import Context, Function, Sample, SampleMaker, op


@op(
    "numpy_T",
    properties=("T",),
    reference=attrgetter("T"),
    overrides=(torch.ops.aten.numpy_T.default,),
    linear=True,
    view=True,
)
class NumpyT(Function):
    """y = x^T, a view;  gx = gy^T.

    All dimensions are reversed; torch deprecates it for other than two. The name is
    aten's: a module T.py beside t.py would be the same file on many file systems.
    """

    @staticmethod
    def forward(ctx: Context, x: Tensor) -> Tensor:
        return x.T

    @staticmethod
    def backward(ctx: Context, gy: Tensor) -> Tensor:
        return gy.T

    @staticmethod
    def samples(make: SampleMaker) -> Iterator[Sample]:
        yield Sample(make(3, 4))
        yield Sample(make.complex(2, 3))
        yield Sample(make(0, 3))
