"""Mismatch: where two results differ, in numbers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

#: A matrix as nested lists: rows are elements of the output, columns of the input.
Matrix: TypeAlias = "list[list[float]]"


@dataclass(frozen=True)
class Mismatch:
    """What a law expected and what it got, at the worst element.

    Args:
        what: the result that differs, by name: ``gradient of x``, ``output 0``.
        index: of the worst element; None where not elements differ but shapes or dtypes.
        expected, got: at that element, or a description of the whole.
        absolute, relative: the error there; relative to the largest expected element.
        tolerance: the relative error that is allowed.
        cause: what probably went wrong, in words; may be empty.
        jacobians: expected and got, where they are small.
    """

    what: str
    index: tuple[int, ...] | None
    expected: str
    got: str
    absolute: float | None = None
    relative: float | None = None
    tolerance: float | None = None
    cause: str = ""
    jacobians: tuple[Matrix, Matrix] | None = None

    def __str__(self) -> str:
        place = "" if self.index is None else f"[{', '.join(map(str, self.index))}]"
        text = f"{self.what}{place}: expected {self.expected}, got {self.got}"
        if self.absolute is not None and self.relative is not None:
            text += f" (off by {self.absolute:.3g}, relative {self.relative:.3g}"
            text += f", allowed {self.tolerance:.0e})" if self.tolerance else ")"
        return text + (f"; probable cause: {self.cause}" if self.cause else "")
