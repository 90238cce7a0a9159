"""nn.functional.huber_loss: a parabola, and lines where the difference is large."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor

from plugrad.core import Composite, Sample, SampleMaker, op
from plugrad.ops._float32 import in_float32
from plugrad.ops.loss._reduction import reduced, reduction_code
from plugrad.ops.loss._sizes import warn_of_broadcasting


@op(
    "nn.functional.huber_loss",
    overrides=(torch.nn.functional.huber_loss,),
    aliases={"target": "y"},
)
class HuberLoss(Composite):
    """z = weight d^2 / 2 where |d| < delta, else weight delta (|d| - delta / 2), for d = x - y.

    Averaged, summed, or neither. weight has the shape of x; a mean is over all elements.
    """

    @staticmethod
    def forward(
        x: Tensor,
        y: Tensor,
        reduction: str = "mean",
        delta: float = 1.0,
        weight: Tensor | None = None,
    ) -> Tensor:
        code = reduction_code(None, None, reduction)
        warn_of_broadcasting(x, y)
        x, y, weight = in_float32(x, y, weight)
        if weight is None:
            return _kernel(x, y, code, delta)
        if weight.shape != x.shape:
            _torchs(x.data, y.data, weight=weight.data)  # says what is wrong
        return reduced(_kernel(x, y, 0, delta) * weight, code)

    @staticmethod
    def samples(make: SampleMaker) -> Iterator[Sample]:
        for reduction in ("none", "mean", "sum"):
            yield Sample(make(2, 3), make(2, 3), reduction, 0.4)
            yield Sample(make(2, 3), make(2, 3), reduction, weight=make(2, 3, low=0.5))
        yield Sample(make(2, 3), target=make(2, 3), delta=2.5)
        yield Sample(make(2, 3), make(3))
        yield Sample(make(0, 3), make(0, 3), "sum")
        yield Sample(make(2), make(2), weight=make(3)).raises(ValueError, "same size")


_kernel = torch.ops.aten.huber_loss.default
_torchs: Any = torch.nn.functional.huber_loss  # whose type stub knows of no weight
