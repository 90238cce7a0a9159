"""How the losses name their reductions."""

from __future__ import annotations

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
