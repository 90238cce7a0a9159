"""nn.functional.kl_div: the Kullback-Leibler divergence of probabilities."""

from __future__ import annotations

import warnings
from collections.abc import Iterator

import torch
from torch import Tensor

from plugrad.core import Composite, Sample, SampleMaker, op
from plugrad.ops._float32 import in_float32
from plugrad.ops.loss._reduction import reduced, reduction_code


@op(
    "nn.functional.kl_div",
    overrides=(torch.nn.functional.kl_div,),
    aliases={"target": "y"},
    dtypes=(torch.float16, torch.bfloat16, torch.float32, torch.float64),
)
class KlDiv(Composite):
    """z = y (log(y) - x), or with log_target exp(y) (y - x); where y = 0 it is 0.

    Averaged, summed, divided by the number of rows ("batchmean"), or neither. x is a logarithm.
    """

    @staticmethod
    def forward(
        x: Tensor,
        y: Tensor,
        size_average: bool | None = None,
        reduce: bool | None = None,
        reduction: str = "mean",
        log_target: bool = False,
    ) -> Tensor:
        older = size_average is not None or reduce is not None
        by_rows = reduction == "batchmean"
        if reduction == "mean" and not older:
            warnings.warn(
                "reduction: 'mean' divides the total loss by both the batch size and the support "
                "size. 'batchmean' divides only by the batch size, and aligns with the KL div math "
                "definition. 'mean' will be changed to behave the same as 'batchmean' in the next "
                "major release.",
                stacklevel=7,  # the call in the user's program
            )
        if not (x.is_floating_point() and y.is_floating_point()):  # torch says what is wrong
            torch.nn.functional.kl_div(x.data, y.data, reduction="none", log_target=log_target)
        named = "sum" if by_rows else reduction
        code = reduction_code(size_average, reduce, named)
        x, y = in_float32(x, y)
        terms = y.exp() * (y - x) if log_target else torch.xlogy(y, y) - y * x
        z = reduced(terms, code)
        return z / x.shape[0] if by_rows and x.dim() else z

    @staticmethod
    def samples(make: SampleMaker) -> Iterator[Sample]:
        for reduction in ("none", "mean", "sum", "batchmean"):
            yield Sample(make(2, 3), make(2, 3, low=0.2), reduction=reduction)
            yield Sample(make(2, 3), make(2, 3), reduction=reduction, log_target=True)
        yield Sample(make(), make(low=0.2), reduction="batchmean")
        yield Sample(make(2, 3), target=make(3, low=0.2))
        yield Sample(make(2), make(2, low=0.2), size_average=False)
        yield Sample(make(2), make(2, low=0.2), reduce=False)
        yield Sample(make(2), make(2, low=0.2), size_average=False, reduction="batchmean")
        yield Sample(make(0, 3), make(0, 3, low=0.2), reduction="sum")
        yield Sample(make(3), make.tensor([0.0, 1.0, 0.5])).constant(1)
        yield Sample(make.integers(2), make.integers(2)).raises(RuntimeError, "not supported")
