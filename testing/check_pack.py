"""check_pack: all ops of a pack against all laws."""

from __future__ import annotations

from typing import TYPE_CHECKING

from plugrad.errors import UnknownPackError
from plugrad.plugins.default import registry
from plugrad.plugins.messages import did_you_mean
from plugrad.testing.check_op import check_op
from plugrad.testing.report import Report
from plugrad.testing.runner import TIME_LIMIT

if TYPE_CHECKING:
    from collections.abc import Iterable

    from plugrad.plugins.registered_op import RegisteredOp


def check_pack(
    name: str,
    *,
    laws: Iterable[str] | None = None,
    seed: int = 0,
    device: str = "cpu",
    time_limit: float = TIME_LIMIT,
) -> Report:
    """Check every op of the pack ``name``; ``plugrad`` is the built-in ops'.

    The other arguments are those of ``check_op``.

    Raises:
        UnknownPackError: no registered op comes from the pack.
        UnknownLawError: no law has an id.
    """
    laws = None if laws is None else list(laws)
    report = Report()
    for entry in ops_of_pack(name):
        report.results += check_op(
            entry, laws=laws, seed=seed, device=device, time_limit=time_limit
        )
    return report


def ops_of_pack(name: str) -> list[RegisteredOp]:
    """The registered ops of a pack; if there are none, the installed packs are loaded first.

    Raises:
        UnknownPackError: there are none.
        UnknownOpError: the pack is installed, and set aside or switched off.
    """
    found = [entry for entry in registry if entry.pack == name]
    if not found and registry.packs is not None:
        registry.packs.load_once()
        found = [entry for entry in registry if entry.pack == name]
        if not found:
            registry.packs.explain_missing(name)
    if not found:
        packs = sorted({entry.pack for entry in registry})
        raise UnknownPackError(
            f"no registered op comes from a pack named {name!r}",
            fix=f"{did_you_mean(name, packs)}the packs are {', '.join(packs)}",
        )
    return found
