"""find_packs: the packs that are installed, read from metadata alone."""

from __future__ import annotations

from importlib import metadata
from typing import TYPE_CHECKING

from plugrad.errors import DuplicatePackError
from plugrad.plugins.distribution_name import normalized
from plugrad.plugins.pack import Pack
from plugrad.plugins.trusted_path import trusted_path

if TYPE_CHECKING:
    from collections.abc import Iterator

    from plugrad.plugins.pack_selection import PackSelection

GROUP, API_GROUP = "plugrad", "plugrad.api"


def find_packs(selection: PackSelection) -> list[Pack]:
    """The installed packs in the order they load in: by their distribution's name.

    Those that ``selection`` does not allow are switched off. Of the others, two with one
    name are both set aside: nothing says whose name it is.
    """
    found = sorted(_installed(), key=lambda pack: (normalized(pack.distribution), pack.name))
    for pack in found:
        if not selection.allows(pack.distribution):
            pack.status = "switched off"
    packs = [pack for pack in found if pack.status == "found"]
    for pack in packs:
        others = [p.source for p in packs if p.name == pack.name and p is not pack]
        if others:
            pack.set_aside(
                DuplicatePackError(
                    f"{' and '.join(others)} has a pack named {pack.name!r} too",
                    where=pack.where,
                    fix="uninstall one of them, or leave it out with PLUGRAD_PACKS="
                    f"-{pack.distribution}",
                )
            )
    return found


def _installed() -> Iterator[Pack]:
    seen: set[str] = set()
    for distribution in metadata.distributions(path=trusted_path()):
        try:
            name = str(distribution.metadata["Name"] or "")
            # Of one distribution the first on the path is what imports give.
            packs = [] if not name or normalized(name) in seen else list(_of(distribution, name))
        except Exception:  # its metadata is damaged: whatever it has, it has no pack
            continue
        if name:
            seen.add(normalized(name))
        yield from packs


def _of(distribution: metadata.Distribution, name: str) -> Iterator[Pack]:
    points = distribution.entry_points
    stated = {point.name: point.value for point in points if point.group == API_GROUP}
    for pack, module in dict.fromkeys((p.name, p.value) for p in points if p.group == GROUP):
        api = stated.get(pack)
        yield Pack(
            pack, name, distribution.version, module, api or "v1", api_stated=api is not None
        )
