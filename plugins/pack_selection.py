"""PackSelection: which distributions' packs may load."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from plugrad.errors import PackSelectionError
from plugrad.plugins.distribution_name import normalized

_FIX = "say all, none, the distributions that may load (a,b), or those that may not (-a,-b)"


@dataclass(frozen=True)
class PackSelection:
    """A choice among distributions, made before any of their code is imported.

    It goes by distribution, since a pack's own name is for its author to choose.
    """

    #: The names in the choice, normalized.
    names: frozenset[str] = frozenset()
    #: Whether only these may load, or all but these.
    only: bool = False
    #: Where the choice was made, for messages.
    made_by: str = "the default"

    @classmethod
    def parse(cls, text: str | Iterable[str], made_by: str) -> PackSelection:
        """Read ``all``, ``none``, ``a,b`` or ``-a,-b``; a list has the parts.

        Raises:
            PackSelectionError: it is none of these.
        """
        parts = text.split(",") if isinstance(text, str) else text
        if not isinstance(parts, Iterable) or not all(isinstance(part, str) for part in parts):
            raise PackSelectionError(f"{text!r} is no choice of packs", where=made_by, fix=_FIX)
        parts = [part.strip() for part in parts]
        parts = [part.lower() if part.lower() in ("all", "none") else part for part in parts]
        if parts in (["all"], ["none"]):
            return cls(only=parts == ["none"], made_by=made_by)
        names = [part.removeprefix("-") for part in parts]
        left_out = {part.startswith("-") for part in parts}
        keywords = {"all", "none"}.intersection(map(str.lower, names))
        if not all(names) or len(left_out) != 1 or keywords:
            raise PackSelectionError(f"{text!r} is no choice of packs", where=made_by, fix=_FIX)
        return cls(frozenset(map(normalized, names)), left_out == {False}, made_by)

    @property
    def is_none(self) -> bool:
        """Whether no pack may load."""
        return self.only and not self.names

    def allows(self, distribution: str) -> bool:
        """Whether the packs of ``distribution`` may load."""
        return (normalized(distribution) in self.names) == self.only
