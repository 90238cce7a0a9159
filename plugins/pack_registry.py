"""PackRegistry: what a pack registers its ops with, all of them or none."""

from __future__ import annotations

from typing import TYPE_CHECKING

from plugrad.errors import DuplicateOpError, PackDefinitionError
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
        self._committed = False

    def add(self, function: type[Function]) -> None:
        """Add an op that ``@op`` declared.

        Raises:
            OpDefinitionError: the class was not declared with ``@op``, names another pack,
                or claims one of Variable's own attributes.
            DuplicateOpError: another op of the pack has its name, a method or a torch
                callable.
            PackDefinitionError: the hook is over.
        """
        where = f"registering the ops of pack {self.pack}"
        if self._committed:
            raise PackDefinitionError(
                "plugrad_register_ops is over, and with it what it was given",
                where=where,
                fix=f"add all ops in the hook; later, plugrad.registry.add(op, {self.pack!r})",
            )
        entry = RegisteredOp.of(function, self.pack)
        others = [self._collected.find(entry.qualified_name), *self._collected.replaced_by(entry)]
        for other in others:
            if other is not None and other.function is not function:
                same = other.plain_name == entry.plain_name
                raise DuplicateOpError(
                    f"{other.function!r} and {function!r} "
                    + (f"are both the op {entry.plain_name!r}" if same else "claim one method"),
                    where=where,
                    fix="give one of them another name in @op",
                )
        self._collected.validate(entry)
        self._collected.enter(entry)

    def commit(self, registry: Registry) -> list[str]:
        """Register what was collected; gives what to warn of.

        Raises:
            DuplicateOpError: the program itself registered another op of the pack before.
        """
        self._committed = True
        entries = list(self._collected)
        for entry in entries:
            registry.validate(entry)
        return [message for entry in entries for message in registry.enter(entry)]
