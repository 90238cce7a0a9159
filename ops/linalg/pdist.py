"""nn.functional.pdist: the distances of each two of a set of points."""

from __future__ import annotations

import math
from collections.abc import Iterator

import torch
from torch import Tensor

from plugrad.core import Composite, Sample, SampleMaker, op
from plugrad.ops._float32 import in_float32_on_cuda
from plugrad.ops.linalg._pairs import NO_SECOND


@op(
    "nn.functional.pdist",
    overrides=(torch.nn.functional.pdist, torch.ops.aten.pdist.default),
    waives=NO_SECOND,
)
class Pdist(Composite):
    """y = p-norms of x[i] - x[j] for i < j, row by row. pdist_forward has the gradient."""

    @staticmethod
    def forward(x: Tensor, p: float = 2.0) -> Tensor:
        (x,) = in_float32_on_cuda(x)
        if x.dim() != 2 or not x.is_floating_point():  # torch says what is wrong
            torch.nn.functional.pdist(x.data)
        return _kernel(x.contiguous(), p)

    @staticmethod
    def samples(make: SampleMaker) -> Iterator[Sample]:
        for p in (0.0, 0.5, 1.0, 3.0, math.inf):
            yield Sample(make(4, 2), p)
        yield Sample(make(4, 2))
        yield Sample(make(2, 4).t())
        yield Sample(make(1, 2))
        yield Sample(make.tensor([[0.0, 1.0], [0.0, 1.0]])).at_kink()
        yield Sample(make(4)).raises(RuntimeError, "2D tensors")
        yield Sample(make(4, 2), -1.0).raises(RuntimeError, "non-negative p")


_kernel = torch.ops.aten._pdist_forward.default
