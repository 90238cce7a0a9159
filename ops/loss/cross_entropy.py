"""nn.functional.cross_entropy: nll_loss of log_softmax."""

from __future__ import annotations

import math
from collections.abc import Iterator

import torch
from torch import Tensor

from plugrad.core import Composite, Sample, SampleMaker, op
from plugrad.ops._float32 import in_float32
from plugrad.ops._number import constant, number
from plugrad.ops.loss._cross_entropy import (
    of_equal_probabilities,
    of_probabilities,
    share,
    without_ignored,
)
from plugrad.ops.loss._reduction import REDUCTIONS, reduction_code


@op("nn.functional.cross_entropy", overrides=(torch.nn.functional.cross_entropy,))
class CrossEntropy(Composite):
    """y = -sum(weight p log_softmax(x)) over the classes, averaged, summed, or neither.

    Classes are dimension 1 of x, or the only one. p is the target where that has x's
    shape, and differentiable then; else 1 at the target class and 0 elsewhere, and a mean
    is one with the weights. Label smoothing mixes p with equal probabilities. A row with a
    target of ignore_index has a gradient of 0, also if it is infinite or nan; there torch
    has nan (pytorch#11551).
    """

    @staticmethod
    def forward(
        x: Tensor,
        target: Tensor,
        weight: Tensor | None = None,
        size_average: bool | None = None,
        ignore_index: int = -100,
        reduce: bool | None = None,
        reduction: str = "mean",
        label_smoothing: float = 0.0,
    ) -> Tensor:
        label_smoothing = number(
            constant(label_smoothing, "nn.functional.cross_entropy", "label_smoothing")
        )
        ignore_index = constant(ignore_index, "nn.functional.cross_entropy", "ignore_index")
        code = reduction_code(size_average, reduce, reduction)
        by_probability = x.shape == target.shape
        if not 0.0 <= label_smoothing <= 1.0 or (
            by_probability and (not target.is_floating_point() or ignore_index >= 0)
        ):
            _refuse(x, target, None, ignore_index, label_smoothing)
        class_dim = 0 if x.dim() == 1 else 1
        if weight is not None and x.dim() > 0 and weight.shape != x.shape[class_dim:][:1]:
            _refuse(x, target, weight.data, ignore_index, label_smoothing)
        x, target, weight = in_float32(x, target, weight)
        if not by_probability:
            x = without_ignored(x, target, ignore_index, class_dim)
        likelihood = torch.log_softmax(x, class_dim)
        if by_probability:
            return of_probabilities(likelihood, target, weight, code, label_smoothing)
        nll = torch.nn.functional.nll_loss(
            likelihood, target, weight, ignore_index=ignore_index, reduction=REDUCTIONS[code]
        )
        if label_smoothing <= 0:  # torch ignores what is less
            return nll
        smooth = of_equal_probabilities(likelihood, target, weight, code, ignore_index)
        mixed = share(label_smoothing, x.shape[class_dim])
        return mixed * smooth + (1 - label_smoothing) * nll

    @staticmethod
    def samples(make: SampleMaker) -> Iterator[Sample]:
        for shape in ((4,), (3, 4), (2, 4, 3), (2, 4, 1, 2)):
            labels = make.integers(*(shape[:1] + shape[2:] if len(shape) > 1 else ()), high=4)
            x, weight, probabilities = make(*shape), make(4, low=0.5), make(*shape, low=0.0)
            for reduction in ("none", "mean", "sum") if len(shape) == 2 else ("mean",):
                mixed = {"reduction": reduction, "label_smoothing": 0.3}
                yield Sample(x, labels, reduction=reduction)
                yield Sample(x, labels, weight, ignore_index=1, **mixed).constant(2)
                yield Sample(x, probabilities, weight, **mixed)
            if len(shape) == 2:
                yield Sample(x, labels, weight, ignore_index=1).constant(2)
                yield Sample(x, labels, label_smoothing=1.0)
                yield Sample(x, probabilities)
        one_ignored = make.tensor([1, 2, 0], dtype=torch.int64)
        yield Sample(
            make(3, 4), one_ignored, make(4, low=0.5), ignore_index=1, label_smoothing=0.3
        ).constant(2)
        yield Sample(make(2, 3), target=make.integers(2, high=3))
        yield Sample(make(2, 3), make.tensor([-100, -100], dtype=torch.int64))
        yield Sample(make(2, 3), make.tensor([-100, 1], dtype=torch.int64), label_smoothing=0.1)
        not_finite = make.tensor([[-math.inf, -math.inf], [math.nan, 1.0], [0.5, 1.0]])
        targets = make.tensor([-100, -100, 0], dtype=torch.int64)
        for smoothing in (0.0, 0.1):
            sample = Sample(not_finite, targets, label_smoothing=smoothing)
            yield sample.without_oracle("it is nan for ignored rows that are not finite")
        yield Sample(make(0, 3), make.integers(0, high=3))
        yield Sample(make(0, 3), make(0, 3))
        yield Sample(make(0, 3), make(0, 3), reduction="sum")
        target = make.integers(2, high=3)
        yield Sample(make(2, 3), target, label_smoothing=-0.5)
        too_smooth = Sample(make(2, 3), target, label_smoothing=1.5)
        yield too_smooth.raises(RuntimeError, "label_smoothing must be between")
        yield Sample(make(2, 3), target, make(4)).constant(2).raises(RuntimeError, "weight")
        yield Sample(make(1, 3), target).raises(ValueError, "batch_size")


def _refuse(
    x: Tensor, target: Tensor, weight: Tensor | None, ignore_index: int, smoothing: float
) -> None:
    """Let torch say what is wrong."""
    torch.nn.functional.cross_entropy(
        x.data, target.data, weight, ignore_index=ignore_index, label_smoothing=smoothing
    )
