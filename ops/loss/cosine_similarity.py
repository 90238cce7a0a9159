"""nn.functional.cosine_similarity: the cosine of the angle between vectors."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from plugrad.core import Composite, Sample, SampleMaker, op
from plugrad.ops._float32 import in_float32_on_cuda
from plugrad.ops.loss._raised import fixed, raised_to


@op(
    "nn.functional.cosine_similarity",
    overrides=(torch.nn.functional.cosine_similarity, torch.ops.aten.cosine_similarity.default),
    aliases={"x1": "x", "x2": "y"},
)
class CosineSimilarity(Composite):
    """z = sum of x y along dim, with x and y divided by their norms.

    A norm below eps counts as eps, and its gradient is that of the norm.
    """

    @staticmethod
    def forward(x: Tensor, y: Tensor, dim: int = 1, eps: float = 1e-8) -> Tensor:
        x, y = in_float32_on_cuda(x, y)
        dtype = torch.result_type(fixed(x), fixed(y))
        if not (dtype.is_floating_point and eps >= 0):  # torch says what is wrong
            torch.nn.functional.cosine_similarity(fixed(x), fixed(y), dim, eps)
        x, y = _floating(x, dtype), _floating(y, dtype)
        if x.shape != y.shape:
            shape = torch.broadcast_shapes(x.shape, y.shape)  # type: ignore[no-untyped-call]
            x, y = x.expand(shape), y.expand(shape)
        return (_unit(x, dim, eps) * _unit(y, dim, eps)).sum(dim)

    @staticmethod
    def samples(make: SampleMaker) -> Iterator[Sample]:
        yield Sample(make(3, 4), make(3, 4))
        yield Sample(make(2, 3, 2), make(2, 3, 2), -1)
        yield Sample(x1=make(3, 4), x2=make(4), dim=0)
        yield Sample(make(4), make(2, 1, 4), 2)
        yield Sample(make(3), make(3), 0, eps=0.01)
        yield Sample(make(), make(), 0)
        yield Sample(make(0, 3), make(0, 3))
        yield Sample(make.integers(2, 3, low=1), make(2, 3))
        yield Sample(make.tensor([[0.0, 0.0], [0.0, 2.0]]), make(2, 2), eps=1.0)
        integers = Sample(make.integers(2, 3), make.integers(2, 3))
        yield integers.raises(RuntimeError, "floating point")


def _floating(x: Tensor, dtype: torch.dtype) -> Tensor:
    return x if x.is_floating_point() else x.to(dtype)


def _unit(x: Tensor, dim: int, eps: float) -> Tensor:
    return x / raised_to(torch.linalg.vector_norm(x, 2, dim, True), eps)
