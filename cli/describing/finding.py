"""Finding: one thing that plugrad doctor found wrong."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from plugrad.errors import PlugradError


@dataclass(frozen=True)
class Finding:
    """What is wrong, where, and what to do about it."""

    what: str
    where: str
    fix: str
    #: The traceback of the exception behind it, if there is one.
    traceback: str = ""

    @classmethod
    def of_error(cls, error: PlugradError, traceback: str = "") -> Finding:
        """What one of plugrad's errors says."""
        return cls(error.what, error.where, error.fix, traceback)

    @classmethod
    def of_message(cls, message: str) -> Finding:
        """What a warning in the form of plugrad's errors says."""
        what, _, fix = message.partition("\n  fix: ")
        what, _, where = what.partition("\n  where: ")
        return cls(what, where, fix)

    def as_dict(self) -> dict[str, Any]:
        """Everything, for JSON and for another process."""
        return asdict(self)
