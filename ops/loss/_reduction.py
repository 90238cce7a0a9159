"""How the losses name their reductions."""

from __future__ import annotations

from torch import Tensor
from torch.nn import _reduction

#: The names, at the numbers that torch's kernels take.
REDUCTIONS = ("none", "mean", "sum")


def reduction_code(size_average: bool | None, reduce: bool | None, reduction: str) -> int:
    """The number for a loss's arguments; the first two are torch's older way to say it."""
    if size_average is not None or reduce is not None:
        reduction = _reduction.legacy_get_string(size_average, reduce)
    if reduction in REDUCTIONS:
        return REDUCTIONS.index(reduction)
    return _reduction.get_enum(reduction)


def reduced(terms: Tensor, reduction: int) -> Tensor:
    """The terms of a loss, averaged, summed or as they are, as the number says."""
    name = REDUCTIONS[reduction]
    return terms if name == "none" else terms.mean() if name == "mean" else terms.sum()


def share(gradient: Tensor, reduction: int, count: int) -> Tensor:
    """What each of ``count`` terms gets of a loss's gradient: of a mean its part."""
    return gradient / max(count, 1) if REDUCTIONS[reduction] == "mean" else gradient
