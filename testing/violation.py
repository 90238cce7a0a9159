"""Violation: how a law says that an op breaks it."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from plugrad.testing.mismatch import Mismatch


class Violation(Exception):  # noqa: N818 (it is the outcome of a check, not an error of ours)
    """The op under test breaks a law.

    Args:
        message: what is wrong, for the op's author.
        mismatch: the numbers, where there are some.
    """

    def __init__(self, message: str, mismatch: Mismatch | None = None) -> None:
        super().__init__(message)
        self.message, self.mismatch = message, mismatch
