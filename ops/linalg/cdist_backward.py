"""cdist_backward: cdist's gradient, in steps that can be differentiated again."""

from __future__ import annotations

import math
from collections.abc import Iterator

import torch
from torch import Tensor

from plugrad.core import Composite, Sample, SampleMaker, op
from plugrad.errors import ArgumentError
from plugrad.ops._number import constant, number
from plugrad.ops.linalg import _pairs


def _reference(grad: Tensor, x1: Tensor, x2: Tensor, p: float, _: Tensor) -> Tensor:
    """The same in plain torch; the kernel reads beyond tensors that do not fit together."""

    def norms(points: Tensor) -> Tensor:
        return torch.linalg.vector_norm(points.unsqueeze(-2) - x2.unsqueeze(-3), p, -1)

    return _pairs.gradient_in_torch(norms, grad, x1)


@op(
    "cdist_backward",
    overrides=(torch.ops.aten._cdist_backward.default,),
    reference=_reference,
    aliases={"grad": "x", "grad_output": "x", "x1": "y", "x2": "other", "cdist": "norms"},
)
class CdistBackward(Composite):
    """z[i] = sum over j of x[i, j] times the derivative of the norm of y[i] - other[j].

    Only what is recorded comes here: a second derivative, which torch has since 2.14.
    """

    @staticmethod
    def forward(x: Tensor, y: Tensor, other: Tensor, p: float, norms: Tensor) -> Tensor:
        p = float(number(constant(p, "cdist_backward", "p")))
        return _pairs.gradient(x, y, other, p)

    @staticmethod
    def samples(make: SampleMaker) -> Iterator[Sample]:
        for p in (0.0, 0.5, 1.0, 1.5, 2.0, 3.0):
            y, other = make.distinct(3, 2), make.distinct(4, 2) + 0.017
            yield Sample(make(3, 4), y, other, p, torch.cdist(y, other, p)).constant("norms")
        y = make.tensor([[0.0, 0.5], [3.0, 1.0], [1.5, 4.0]])
        other = make.tensor([[1.0, 7.0], [5.5, 2.0], [9.0, 3.5], [2.0, 11.0]])
        largest = Sample(make(3, 4), y, other, math.inf, torch.cdist(y, other, math.inf))
        yield largest.constant("norms").waive("magnitudes", "norms are of the points as they were")
        y, other = make(2, 3, 2), make(2, 4, 2)
        yield Sample(make(2, 3, 4), y, other, 1.5, torch.cdist(y, other, 1.5)).constant("norms")
        integers = Sample(make(3, 4), make.integers(3, 2), make.integers(4, 2), 2.0, make(3, 4))
        yield integers.raises(ArgumentError, "points of torch.int64")
