"""Samples of kornia: a basis of a null space, and the log of a class's probability."""

from __future__ import annotations

import torch
from torch import Tensor

from plugrad import Sample, SampleMaker


def null_space(make: SampleMaker) -> list[Sample]:
    """(X,): five points, and seven, in a batch; where points repeat there is no such basis."""
    shapes = ((1, 5, 9), (2, 7, 9))
    return [Sample(make(*shape, domain="full-rank")) for shape in shapes]


def target_log_softmax(make: SampleMaker) -> list[Sample]:
    """(pred, target, valid): with and without a mask; classes are along dimension 1."""
    return [
        Sample(make(2, 3, 4), make.integers(2, 1, 4, high=3), None),
        Sample(make(2, 3, 4, 2), make.integers(2, 1, 4, 2, high=3), make.booleans(2, 1, 4, 2)),
        Sample(make(1, 5), make.integers(1, 1, high=5), None),
    ]


def target_log_softmax_reference(pred: Tensor, target: Tensor, valid: Tensor | None) -> Tensor:
    """As the class's docstring says it."""
    pred = pred if valid is None else torch.where(valid, pred, 0.0)
    return pred.log_softmax(1).gather(1, target)


SAMPLES = {
    "kornia.geometry.epipolar.essential:_NullSpaceBasis": {
        "samples": null_space,
        "surrogate": (
            "a basis may turn within its space: the gradient is right for functions of the space"
        ),
    },
    "kornia.losses.focal:_TargetLogSoftmax": {
        "samples": target_log_softmax,
        "reference": target_log_softmax_reference,
    },
}

NOT_REACHED: dict[str, str] = {}
