"""Claims: who claims a name, and who gets it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

    from plugrad.plugins.registered_op import RegisteredOp


class Claims(dict[Any, "RegisteredOp"]):
    """The owner of each key: a plain dict to look up in, kept by ``add`` and ``remove``.

    Of several claims the one with the lowest rank wins: a built-in op's, then that of an op
    the program registered itself, then a pack's. Several packs have one rank, so of two
    packs neither gets the key: it has rivals and no owner.
    """

    def __init__(self) -> None:
        super().__init__()
        self._claims: dict[Any, list[RegisteredOp]] = {}

    def add(self, key: Any, entry: RegisteredOp) -> None:
        """Let ``entry`` claim ``key``."""
        self._claims.setdefault(key, []).append(entry)
        self._settle(key)

    def remove(self, key: Any, entry: RegisteredOp) -> None:
        """Take a claim back."""
        self._claims[key].remove(entry)
        self._settle(key)

    def claimants(self, key: Any) -> tuple[RegisteredOp, ...]:
        """All that claim ``key``, in the order in which they came."""
        return tuple(self._claims.get(key, ()))

    def rivals(self, key: Any) -> tuple[RegisteredOp, ...]:
        """The claimants of a key that for this reason has no owner."""
        return () if key in self else self.claimants(key)

    def contested(self) -> Iterator[tuple[Any, tuple[RegisteredOp, ...]]]:
        """Each key that more than one op claims, with its claimants."""
        for key, entries in self._claims.items():
            if len(entries) > 1:
                yield key, tuple(entries)

    def _settle(self, key: Any) -> None:
        claims = self._claims[key]
        if len(claims) == 1:  # nearly always, and import waits for it
            self[key] = claims[0]
            return
        first = min((entry.rank for entry in claims), default=0)
        best = [entry for entry in claims if entry.rank == first]
        if len({entry.function for entry in best}) == 1:
            self[key] = best[0]
        else:
            self.pop(key, None)
