"""chosen_ops: the ops that the command line names."""

from __future__ import annotations

from typing import TYPE_CHECKING

from plugrad.plugins.manager import packs, registry
from plugrad.testing.check_pack import ops_of_pack

if TYPE_CHECKING:
    from collections.abc import Iterable

    from plugrad.plugins.registered_op import RegisteredOp


def chosen_ops(names: Iterable[str]) -> list[RegisteredOp]:
    """The registered ops of these names, each once, by name; if there are none, all ops.

    What is missed, and all ops, load the packs.

    Args:
        names: ``sin``, ``pack::`` for all ops of a pack, or ``pack::sin``.

    Raises:
        UnknownOpError: no op has a name.
        UnknownPackError: no registered op comes from a pack.
    """
    found: dict[str, RegisteredOp] = {}
    for name in names:
        found.update((entry.name, entry) for entry in _named(name))
    if found:
        return [found[name] for name in sorted(found)]
    packs.load()
    return list(registry)


def _named(name: str) -> list[RegisteredOp]:
    pack, _, op = name.rpartition("::")
    return ops_of_pack(pack) if pack and not op else [registry[name]]
