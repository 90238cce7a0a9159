"""Row: one function, or a derivative of it, on one domain, and its exact values."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    import mpmath
    from torch import Tensor


@dataclass(frozen=True)
class Row:
    """What a number of docs/accuracy.md is computed from."""

    #: torch's name of the function.
    function: str
    #: What is compared: ``f``, ``df/dx``, ``d2f/dx2``, ...
    quantity: str
    #: Where, in words.
    domain: str
    #: The points: for each the arguments, which float64 holds exactly.
    points: list[tuple[float, ...]]
    #: From float64 tensors, one an argument, to our values.
    ours: Callable[[list[Tensor]], Tensor]
    #: From the arguments of one point to the exact value.
    exact: Callable[..., mpmath.mpf]
    #: From the arguments of one point to the function's local size; None where it is the value.
    scale: Callable[..., float] | None = None

    @property
    def is_value(self) -> bool:
        """Whether it is of the function itself, whose values are torch's, and not ours."""
        return self.quantity == "f"
