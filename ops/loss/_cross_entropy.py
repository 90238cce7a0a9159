"""The parts of cross_entropy: rows that are ignored, probabilities, label smoothing."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from plugrad.ops._possibly import possibly


def without_ignored(x: Tensor, target: Tensor, ignore_index: int, class_dim: int) -> Tensor:
    """``x`` with 0 in the ignored rows, so that nothing in them can spoil their gradient."""
    if target.shape != x.shape[:class_dim] + x.shape[class_dim + 1 :]:
        return x  # nll_loss says what is wrong
    ignored = target == ignore_index
    # Asking another device would wait for it, longer than the copy takes.
    if target.device.type == "cpu" and not possibly(ignored, True):
        return x
    return x.masked_fill(ignored.unsqueeze(class_dim), 0.0)


def of_probabilities(
    likelihood: Tensor, target: Tensor, weight: Tensor | None, code: int, smoothing: float
) -> Tensor:
    """The loss where the target is a probability for each class."""
    class_dim = 0 if likelihood.dim() == 1 else 1
    classes = likelihood.shape[class_dim]
    if smoothing > 0:
        target = target * (1 - smoothing) + share(smoothing, classes)
    terms = likelihood * target
    if weight is not None:
        terms = terms * _per_class(weight, likelihood)
    if code == 0:
        return -terms.sum(class_dim)
    if code == 2:
        return -terms.sum()
    if likelihood.numel() == 0:
        everywhere = torch.ones((), dtype=torch.bool, device=terms.device)
        return -terms.sum().masked_fill(everywhere, float("nan"))
    return -terms.sum() / (likelihood.numel() // classes)


def of_equal_probabilities(
    likelihood: Tensor, target: Tensor, weight: Tensor | None, code: int, ignore_index: int
) -> Tensor:
    """The part of label smoothing, times the number of classes."""
    class_dim = 0 if likelihood.dim() == 1 else 1
    terms = likelihood if weight is None else likelihood * _per_class(weight, likelihood)
    ignored = target == ignore_index
    loss = -terms.sum(class_dim).masked_fill(ignored, 0.0)
    if code == 0:
        return loss
    if code == 2:
        return loss.sum()
    if weight is None:
        return loss.sum() / (~ignored).sum()
    weights = weight.gather(0, target.masked_fill(ignored, 0).flatten())
    return loss.sum() / weights.masked_fill(ignored.flatten(), 0.0).sum()


def share(smoothing: float, classes: int) -> float:
    """What label smoothing gives to each class; of no classes torch's inf."""
    return smoothing / classes if classes else math.inf


def _per_class(weight: Tensor, likelihood: Tensor) -> Tensor:
    """``weight``, to be broadcast along the classes."""
    return weight if likelihood.dim() == 1 else weight.view(1, -1, *(1,) * (likelihood.dim() - 2))
