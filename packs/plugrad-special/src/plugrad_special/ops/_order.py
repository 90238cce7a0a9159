"""check_order: the orders that there are of a family of functions."""

from __future__ import annotations


def check_order(name: str, order: int, least: int) -> None:
    """Raise where a function's formulas are not for this order."""
    if order < least:
        raise ValueError(
            f"there is no {name} of order {order}\n  fix: give an order of at least {least}"
        )
