"""chosen_ops: the ops that the command line names."""

from __future__ import annotations

from typing import TYPE_CHECKING

from plugrad.errors import UnknownOpError
from plugrad.plugins.manager import registry
from plugrad.testing.check_pack import ops_of_pack

if TYPE_CHECKING:
    from collections.abc import Iterable

    from plugrad.plugins.registered_op import RegisteredOp


def chosen_ops(names: Iterable[str]) -> list[RegisteredOp]:
    """The registered ops of these names, each once, by name; all if there are none.

    Args:
        names: ``sin``, ``pack::`` for all ops of a pack, or ``pack::sin``.

    Raises:
        UnknownOpError: no op has a name.
        UnknownPackError: no registered op comes from a pack.
    """
    found: dict[str, RegisteredOp] = {}
    for name in names:
        found.update((entry.name, entry) for entry in _named(name))
    return [found[name] for name in sorted(found)] or list(registry)


def _named(name: str) -> list[RegisteredOp]:
    pack, separator, op = name.rpartition("::")
    if not separator or name in registry:
        return [registry[name]]
    entries = ops_of_pack(pack)
    if not op:
        return entries
    entry = registry[op]
    if entry.pack != pack:
        raise UnknownOpError(
            f"the op {op!r} comes from the pack {entry.pack}, not {pack}",
            fix=f"say {entry.pack}::{op}, or only {op}",
        )
    return [entry]
