"""flat: the outputs of an op as one list."""

from __future__ import annotations

from typing import Any


def flat(output: Any) -> list[Any]:
    """The parts of an output, one or several, in lists and tuples at any depth."""
    if isinstance(output, tuple | list):
        return [leaf for part in output for leaf in flat(part)]
    return [output]
