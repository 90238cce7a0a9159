"""The names of packs' ops, remembered for completion, since asking would import the packs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from plugrad.cli.cache_file import CacheFile

if TYPE_CHECKING:
    from plugrad.plugins.packs import Packs
    from plugrad.plugins.registry import Registry

KNOWN_OPS = CacheFile("known_ops")


def remember_ops(packs: Packs, registry: Registry) -> None:
    """Note the ops of the packs that are loaded, by distribution and pack."""
    known = KNOWN_OPS.read()
    now = {
        f"{pack.distribution} {pack.name}": [e.plain_name for e in registry if e.pack == pack.name]
        for pack in packs
        if pack.status == "loaded"
    }
    if any(known.get(key) != ops for key, ops in now.items()):
        KNOWN_OPS.update(now)
