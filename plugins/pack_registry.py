"""PackRegistry: what a pack registers its ops with, all of them or none."""

from __future__ import annotations

from typing import TYPE_CHECKING

from plugrad.errors import DuplicateOpError
from plugrad.plugins.registered_op import RegisteredOp
from plugrad.plugins.registry import Registry

if TYPE_CHECKING:
    from plugrad.core.function import Function


class PackRegistry:
    """Collects the ops of one pack; nobody sees them before ``commit``.

    Args:
        pack: the pack's name.
    """

    def __init__(self, pack: str) -> None:
        self.pack = pack
        # Ops of one pack get in each other's way as in any registry.
        self._collected = Registry()

    def add(self, function: type[Function]) -> None:
        """Add an op that ``@op`` declared.

        Raises:
            OpDefinitionError: the class was not declared with ``@op``, names another pack,
                or claims one of Variable's own attributes.
            DuplicateOpError: another op of the pack has its name, a method or a torch
                callable.
        """
        entry = RegisteredOp.of(function, self.pack)
        known = self._collected.find(entry.qualified_name)
        if known is not None and known.function is not function:
            raise DuplicateOpError(
                f"{known.function!r} and {function!r} are both the op {entry.plain_name!r}",
                where=f"registering the ops of pack {self.pack}",
                fix="give one of them another name in @op",
            )
        self._collected.add(function, self.pack)

    def commit(self, registry: Registry) -> list[RegisteredOp]:
        """Register what was collected.

        Raises:
            DuplicateOpError: the program itself registered another op of the pack before.
        """
        for entry in self._collected:
            registry.validate(entry)
        return [registry.add(entry.function, entry.pack) for entry in self._collected]
