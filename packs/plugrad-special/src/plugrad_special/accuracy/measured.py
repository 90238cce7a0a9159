"""Measured: how far what a row computes is from the exact values."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import mpmath
import torch

if TYPE_CHECKING:
    from plugrad_special.accuracy.row import Row

#: What the derivatives are to keep to.
AIM = 1e-12
#: Numbers below this count as this large: float64 soon has no more digits for them.
_SMALLEST = 1e-290


@dataclass(frozen=True)
class Measured:
    """A row's largest error, relative to the function's local size."""

    row: Row
    worst: float
    #: The arguments where it is.
    at: tuple[float, ...]

    @classmethod
    def of(cls, row: Row) -> Measured:
        """Evaluate the row at its points."""
        arguments = [torch.tensor(c, dtype=torch.float64) for c in zip(*row.points, strict=True)]
        ours = row.ours(arguments).tolist()
        errors = [_error(row, p, value) for p, value in zip(row.points, ours, strict=True)]
        worst = max(errors)
        return cls(row, worst, row.points[errors.index(worst)])

    @property
    def reached(self) -> bool | None:
        """Whether it is within the aim; None of torch's own values, for which there is none."""
        return None if self.row.is_value else self.worst <= AIM

    def as_dict(self) -> dict[str, Any]:
        """All of it, as JSON can hold it."""
        return {
            "function": self.row.function,
            "quantity": self.row.quantity,
            "domain": self.row.domain,
            "points": len(self.row.points),
            "worst": self.worst,
            "at": list(self.at),
            "aim": None if self.row.is_value else AIM,
            "reached": self.reached,
        }


def _error(row: Row, point: tuple[float, ...], ours: float) -> float:
    exact = row.exact(*point)
    size = abs(exact) if row.scale is None else abs(row.scale(*point))
    if not mpmath.isfinite(ours):
        return float("inf")
    return float(abs(mpmath.mpf(ours) - exact) / max(size, _SMALLEST))
