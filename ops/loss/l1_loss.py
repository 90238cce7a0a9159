"""nn.functional.l1_loss: the mean absolute difference."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor
from torch.overrides import handle_torch_function

from plugrad.core import Composite, Sample, SampleMaker, op
from plugrad.ops._float32 import in_float32
from plugrad.ops.loss._reduction import reduced, reduction_code
from plugrad.ops.loss._sizes import warn_of_broadcasting


@op("nn.functional.l1_loss", overrides=(torch.nn.functional.l1_loss,), aliases={"target": "y"})
class L1Loss(Composite):
    """z = weight |x - y|, averaged with these weights, summed, or neither.

    The gradient is 0 where x = y. weight has the shape of x.
    """

    @staticmethod
    def forward(
        x: Tensor,
        y: Tensor,
        size_average: bool | None = None,
        reduce: bool | None = None,
        reduction: str = "mean",
        weight: Tensor | None = None,
    ) -> Tensor:
        code = reduction_code(size_average, reduce, reduction)
        if weight is None:
            weight = _not_handed_over()
        warn_of_broadcasting(x, y)
        if (x.dim() == 0) != (y.dim() == 0):  # the result then has the dtype of both, as in torch
            x, y = torch.broadcast_tensors(x, y)  # type: ignore[no-untyped-call]
        if weight is None:
            x, y = in_float32(x, y)
        terms = (x - y).abs()
        if weight is None:
            return reduced(terms, code)
        if weight.shape != x.shape:  # torch says what is wrong
            _torchs(x.data, y.data, weight=weight.data)
        terms = terms * weight
        return terms.sum() / weight.sum() if code == 1 else reduced(terms, code)

    @staticmethod
    def samples(make: SampleMaker) -> Iterator[Sample]:
        for reduction in ("none", "mean", "sum"):
            yield Sample(make(2, 3), make(2, 3), reduction=reduction)
            yield Sample(make(2, 3), make(2, 3), reduction=reduction, weight=make(2, 3, low=0.5))
        yield Sample(make(2, 3), target=make(2, 3))
        yield Sample(make(2, 3), make(3))
        yield Sample(make(2, 3), make())
        yield Sample(make.complex(2), make.complex(2))
        yield Sample(make(2), make(2), size_average=False)
        yield Sample(make(2), make(2), reduce=False)
        yield Sample(make(0, 3), make(0, 3), reduction="sum")
        yield Sample(make.tensor([0.0, 1.0]), make.tensor([0.0, 3.0])).at_kink()
        yield Sample(make(2), make(2), weight=make(3)).raises(ValueError, "same size")


_torchs: Any = torch.nn.functional.l1_loss  # whose type stub knows of no weight
_L1_LOSS = _torchs.__code__
_HANDS_OVER = handle_torch_function.__code__


def _not_handed_over() -> Any:
    """The weight in a call of torch's function, which hands over all but that (torch 2.13)."""
    frame = sys._getframe(1)
    while frame is not None and frame.f_code is not _HANDS_OVER:
        frame = frame.f_back  # type: ignore[assignment]
    caller = None if frame is None else frame.f_back
    return caller.f_locals.get("weight") if caller and caller.f_code is _L1_LOSS else None
