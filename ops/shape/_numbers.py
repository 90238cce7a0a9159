"""Sizes and dimensions as torch's methods take them: apart, as one sequence, or by name."""

from __future__ import annotations

from collections.abc import Sequence
from operator import index
from typing import Any


def given(apart: tuple[Any, ...], named: Any) -> tuple[Any, ...]:
    """The arguments of ``x.view(2, 3)``, ``x.view((2, 3))`` or ``x.view(size=(2, 3))``.

    As one tuple of arguments for torch's method, which also refuses what makes no sense.
    """
    return apart if named is None else (*apart, named)


def numbers(arguments: tuple[Any, ...]) -> tuple[int, ...]:
    """The integers in what ``given`` gave."""
    sequence = arguments[0] if arguments and isinstance(arguments[0], Sequence) else arguments
    return tuple([index(number) for number in sequence])
