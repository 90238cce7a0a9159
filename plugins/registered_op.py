"""RegisteredOp: one entry of a registry."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import torch

from plugrad.errors import OpDefinitionError
from plugrad.plugins.operator_names import BINARY, REFLECTED
from plugrad.plugins.reserved import RESERVED

if TYPE_CHECKING:
    from collections.abc import Callable

    from plugrad.core.declaration import Declaration
    from plugrad.core.function import Function

#: The pack of the built-in ops, and that of the ops a program registers itself.
BUILTIN, LOCAL = "plugrad", "local"


@dataclass(frozen=True)
class RegisteredOp:
    """An op, its declaration and the pack it came from."""

    function: type[Function]
    declaration: Declaration
    pack: str

    @classmethod
    def of(cls, function: type[Function], pack: str | None = None) -> RegisteredOp:
        """The entry of a class that ``@op`` decorated.

        Without a pack's name it is the one in the op's name, as in ``pack::op``, or else LOCAL.

        Raises:
            OpDefinitionError: the class was not decorated, or names another pack.
        """
        # Not inherited: a subclass of an op is no op until it is declared itself.
        declaration = vars(function).get("declaration") if isinstance(function, type) else None
        if declaration is None:
            raise OpDefinitionError(
                f"{function!r} was not declared with @op",
                where=f"registering an op of pack {pack or LOCAL}",
                fix='decorate it: @plugrad.op("name")',
            )
        named = declaration.name.rpartition("::")[0]
        if named and pack and named != pack:
            raise OpDefinitionError(
                f"{declaration.name!r} names the pack {named!r}",
                where=f"registering an op of pack {pack}",
                fix=f"call it {pack}::{declaration.name.rpartition('::')[2]}",
            )
        return cls(function, declaration, pack or named or LOCAL)

    def __repr__(self) -> str:
        return f"<op {self.name} of {self.pack}: {self.module}.{self.function.__name__}>"

    def __hash__(self) -> int:
        return hash((self.function, self.pack))

    def __reduce__(self) -> tuple[Any, ...]:
        # By the class, so that another process finds the op where it finds the class.
        return _unpickled, (self.function, self.pack)

    @cached_property
    def plain_name(self) -> str:
        """The op's name without its pack's: ``airy_ai``."""
        return self.declaration.name.rpartition("::")[2]

    @cached_property
    def qualified_name(self) -> str:
        """The op's name after its pack's, always: ``special::airy_ai``, ``plugrad::sin``."""
        return f"{self.pack}::{self.plain_name}"

    @property
    def path(self) -> str:
        """How it is always reached, after ``x.`` or ``plugrad.ops.``: ``special.airy_ai``."""
        return self.name.replace("::", ".")

    @cached_property
    def rank(self) -> int:
        """Who goes first where names clash: 0 built-in, 1 the program's own, 2 a pack's."""
        return {BUILTIN: 0, LOCAL: 1}.get(self.pack, 2)

    @cached_property
    def name(self) -> str:
        """The op's name: ``pack::airy_ai`` if it is a pack's, else plain."""
        return self.qualified_name if self.rank == 2 else self.plain_name

    @property
    def module(self) -> str:
        """The module the op is written in."""
        return self.function.__module__

    @property
    def apply(self) -> Callable[..., Any]:
        """Calls the op."""
        return self.function.apply

    @cached_property
    def methods(self) -> tuple[str, ...]:
        """The names of its methods on Variable: the declared ones.

        An op that declares none has one of its own name, unless it is built in.
        """
        declared = self.declaration.methods
        if declared or self.declaration.properties or self.rank == 0:
            return declared
        free = self.plain_name.isidentifier() and self.plain_name not in RESERVED
        return (self.plain_name,) if free else ()

    @property
    def overrides(self) -> tuple[Callable[..., Any], ...]:
        """The torch callables it stands for, as declared."""
        return self.declaration.overrides

    @property
    def attributes(self) -> tuple[str, ...]:
        """Every name it takes on Variable."""
        return self.methods + self.declaration.properties

    @property
    def reference(self) -> Callable[..., Any] | None:
        """The torch callable its forward must equal, if there is one."""
        overrides = self.declaration.overrides
        return self.declaration.reference or (overrides[0] if overrides else None)

    def torch_callables(self) -> set[Callable[..., Any]]:
        """All torch callables it stands for: the declared ones and Tensor's methods."""
        callables = set(self.declaration.overrides)
        for name in self.methods:
            method = getattr(torch.Tensor, name, None)
            # On tensors a reflected operator is called only when the left operand is no
            # tensor, and then it never meets a Variable.
            if callable(method) and name not in REFLECTED:
                callables.add(method)
        return callables

    def attribute(self, name: str) -> Any:
        """What Variable's attribute ``name`` becomes: a method or a property."""
        apply = self.function.apply
        if name in self.declaration.properties:
            return property(apply, doc=self.function.__doc__)
        if name in REFLECTED:
            return _reflected(self.function.operator())
        return self.function.operator() if name in BINARY else apply


def _unpickled(function: type[Function], pack: str) -> RegisteredOp:
    return RegisteredOp.of(function, pack)


def _reflected(apply: Callable[..., Any]) -> Callable[..., Any]:
    def method(y: Any, x: Any) -> Any:
        return apply(x, y)

    return method
