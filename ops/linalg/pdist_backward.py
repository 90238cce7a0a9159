"""pdist_backward: pdist's gradient, in steps that can be differentiated again."""

from __future__ import annotations

import math
from collections.abc import Iterator

import torch
from torch import Tensor

from plugrad.core import Composite, Sample, SampleMaker, op
from plugrad.errors import ArgumentError
from plugrad.ops._number import constant, number
from plugrad.ops.linalg import _pairs


def _reference(grad: Tensor, self: Tensor, p: float, _: Tensor) -> Tensor:
    """The same in plain torch; the kernel reads beyond tensors that do not fit together."""
    i, j = torch.triu_indices(len(self), len(self), 1)

    def norms(points: Tensor) -> Tensor:
        return torch.linalg.vector_norm(points[i] - points[j], p, -1)

    return _pairs.gradient_in_torch(norms, grad, self)


@op(
    "pdist_backward",
    overrides=(torch.ops.aten._pdist_backward.default,),
    reference=_reference,
    aliases={"grad": "x", "grad_output": "x", "self": "y", "pdist": "norms"},
)
class PdistBackward(Composite):
    """z[i] = sum over j of x[i, j] times the derivative of the norm of y[i] - y[j].

    Only what is recorded comes here: a second derivative, which torch has since 2.14.
    """

    @staticmethod
    def forward(x: Tensor, y: Tensor, p: float, norms: Tensor) -> Tensor:
        p = float(number(constant(p, "pdist_backward", "p")))
        i, j = torch.triu_indices(len(y), len(y), 1, device=y.device)
        slopes = x.unsqueeze(-1) * _pairs.slopes(y[i] - y[j], p)
        return y.new_zeros(y.shape).index_add(0, i, slopes).index_add(0, j, -slopes)

    @staticmethod
    def samples(make: SampleMaker) -> Iterator[Sample]:
        for p in (0.0, 0.5, 1.0, 1.5, 2.0, 3.0, math.inf):
            y = make(4, 2)
            norms = torch.nn.functional.pdist(y, p)
            yield Sample(make(6), y, p, norms).constant("norms")
        integers = Sample(make(6), make.integers(4, 2), 2.0, make(6))
        yield integers.raises(ArgumentError, "points of torch.int64")
