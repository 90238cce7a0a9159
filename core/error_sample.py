"""ErrorSample: a call that an op must refuse, and how."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from plugrad.core.sample import Sample


class ErrorSample:
    """A call that raises.

    Args:
        sample: the arguments.
        raises: the type of the exception.
        match: a regular expression that is found in its message.
    """

    __slots__ = ("match", "raises", "sample")

    def __init__(self, sample: Sample, raises: type[Exception], match: str = "") -> None:
        self.sample, self.raises, self.match = sample, raises, match

    def __repr__(self) -> str:
        return f"ErrorSample({self.sample!r}, {self.raises.__name__}, {self.match!r})"
