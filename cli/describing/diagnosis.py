"""diagnosis: what is wrong with the packs, found by loading them."""

from __future__ import annotations

import traceback
import warnings
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from plugrad.cli.describing.finding import Finding
from plugrad.cli.describing.pack_facts import pack_facts
from plugrad.cli.known_ops import remember_ops
from plugrad.errors import PackError, PackSelectionError, PackWarning
from plugrad.plugins.default import packs, registry
from plugrad.plugins.discovery import find_packs
from plugrad.plugins.pack import SUPPORTED_API
from plugrad.plugins.selection import PackSelection

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from plugrad.plugins.pack import Pack
    from plugrad.plugins.registered_op import RegisteredOp

_SHOWN_HERE = "show the traceback to"


def diagnosis(only: Collection[str] | None = None) -> dict[str, Any]:
    """The packs and the findings, as JSON can hold them.

    Args:
        only: the distributions whose packs to load; by default those that may load.
    """
    findings: list[Finding] = []
    try:
        if only is not None:
            packs.select(only or "none")
        messages = _load()
        found = list(packs)
        remember_ops(packs, registry)
    except PackSelectionError as error:  # it is unknown what may load, so nothing does
        findings.append(Finding.of_error(error))
        messages, found = [], find_packs(PackSelection())
    findings += _broken(found)
    findings += _contested()
    findings += [Finding.of_message(text) for text in messages if not _is_told(text)]
    findings += _without_version(found)
    return {
        "packs": [pack_facts(pack) for pack in found],
        "findings": [finding.as_dict() for finding in findings],
    }


def _load() -> list[str]:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", PackWarning)
        with suppress(PackError):  # in strict mode; the pack is set aside all the same
            packs.load()
    return [str(warning.message) for warning in caught if warning.category is PackWarning]


def _broken(found: list[Pack]) -> Iterator[Finding]:
    for pack in found:
        if pack.error is not None:
            cause = pack.error.__cause__
            shown = "" if cause is None else "".join(traceback.format_exception(cause))
            yield Finding(
                f"the pack {pack.name} is set aside: {pack.error.what}",
                pack.error.where or pack.where,
                pack.error.fix.replace("plugrad doctor shows the traceback, for", _SHOWN_HERE),
                shown,
            )


def _contested() -> Iterator[Finding]:
    """Names that several packs claim, and which pack gets each."""
    claims: dict[frozenset[str], list[str]] = {}
    claimants: dict[frozenset[str], tuple[RegisteredOp, ...]] = {}
    for what, entries in registry.contested():
        names = frozenset(entry.qualified_name for entry in entries)
        claims.setdefault(names, []).append(what)
        claimants[names] = entries
    for names, things in claims.items():
        entries = claimants[names]
        first = min(entry.rank for entry in entries)
        owners = [entry for entry in entries if entry.rank == first]
        others = [entry for entry in entries if entry.rank != first] if len(owners) == 1 else owners
        claimed = " and ".join(f"{entry.name} ({entry.module})" for entry in entries)
        gets = f"{owners[0].name} gets them" if len(owners) == 1 else "neither gets them"
        ways = " or ".join(_always(entry) for entry in others)
        yield Finding(
            f"{', '.join(things)}: claimed by {claimed}; {gets}",
            f"the packs {', '.join(sorted({entry.pack for entry in entries}))}",
            f"call {ways}, which always works; the author of a pack should choose another name",
        )


def _always(entry: RegisteredOp) -> str:
    return f"x.{entry.pack}.{entry.plain_name}()"


def _is_told(message: str) -> bool:
    """Whether ``_broken`` or ``_contested`` says the same."""
    return "is set aside: " in message or " stays the built-in " in message


def _without_version(found: list[Pack]) -> Iterator[Finding]:
    for pack in found:
        if not pack.api_stated and pack.status != "switched off":
            yield Finding(
                f"the pack {pack.name} does not state the version of the pack API it was "
                f"written for; it is taken for {pack.api}",
                pack.where,
                f'its author should add {pack.name} = "v{SUPPORTED_API[-1]}" to the entry points '
                'of its pyproject.toml: [project.entry-points."plugrad.api"]',
            )
