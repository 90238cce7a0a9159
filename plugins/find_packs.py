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
    found = sorted(_declared(), key=lambda pack: (normalized(pack.distribution), pack.name))
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


def _declared() -> Iterator[Pack]:
    seen = set()
    for distribution in metadata.distributions(path=trusted_path()):
        name = distribution.metadata["Name"]
        if not name or normalized(name) in seen:  # the first on the path is what imports give
            continue
        seen.add(normalized(name))
        points = distribution.entry_points
        stated = {point.name: point.value for point in points if point.group == API_GROUP}
        for point in points:
            if point.group == GROUP:
                api = stated.get(point.name)
                yield Pack(
                    point.name,
                    name,
                    distribution.version,
                    point.value,
                    api or "v1",
                    api_stated=api is not None,
                )
