"""RegisteredOp: one entry of a registry."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch

from plugrad.errors import OpDefinitionError

if TYPE_CHECKING:
    from collections.abc import Callable

    from plugrad.core.declaration import Declaration
    from plugrad.core.function import Function

# x + y is x.__add__(y), and when x does not know how, y.__radd__(x): operands swapped.
_OPERATORS = "add sub mul matmul truediv floordiv mod divmod pow lshift rshift and xor or"
_REFLECTED = frozenset(f"__r{name}__" for name in _OPERATORS.split())

_BINARY = frozenset(f"__{name}__" for name in (_OPERATORS + " eq ne lt le gt ge").split())


@dataclass(frozen=True)
class RegisteredOp:
    """An op, its declaration and the pack it came from."""

    function: type[Function]
    declaration: Declaration
    pack: str

    @classmethod
    def of(cls, function: type[Function], pack: str) -> RegisteredOp:
        """The entry of a class that ``@op`` decorated.

        Raises:
            OpDefinitionError: it did not.
        """
        # Not inherited: a subclass of an op is no op until it is declared itself.
        declaration = vars(function).get("declaration") if isinstance(function, type) else None
        if declaration is None:
            raise OpDefinitionError(
                f"{function!r} was not declared with @op",
                where=f"registering an op of pack {pack}",
                fix='decorate it: @plugrad.op("name")',
            )
        return cls(function, declaration, pack)

    def __repr__(self) -> str:
        return f"<op {self.name} of {self.pack}: {self.module}.{self.function.__name__}>"

    @property
    def name(self) -> str:
        """The op's full name."""
        return self.declaration.name

    @property
    def module(self) -> str:
        """The module the op is written in."""
        return self.function.__module__

    @property
    def apply(self) -> Callable[..., Any]:
        """Calls the op."""
        return self.function.apply

    @property
    def methods(self) -> tuple[str, ...]:
        """The names of its methods on Variable."""
        return self.declaration.methods

    @property
    def overrides(self) -> tuple[Callable[..., Any], ...]:
        """The torch callables it stands for, as declared."""
        return self.declaration.overrides

    @property
    def attributes(self) -> tuple[str, ...]:
        """Every name it takes on Variable."""
        return self.declaration.methods + self.declaration.properties

    @property
    def reference(self) -> Callable[..., Any] | None:
        """The torch callable its forward must equal, if there is one."""
        overrides = self.declaration.overrides
        return self.declaration.reference or (overrides[0] if overrides else None)

    def torch_callables(self) -> set[Callable[..., Any]]:
        """All torch callables it stands for: the declared ones and Tensor's methods."""
        callables = set(self.declaration.overrides)
        for name in self.declaration.methods:
            method = getattr(torch.Tensor, name, None)
            # On tensors a reflected operator is called only when the left operand is no
            # tensor, and then it never meets a Variable.
            if callable(method) and name not in _REFLECTED:
                callables.add(method)
        return callables

    def attribute(self, name: str) -> Any:
        """What Variable's attribute ``name`` becomes: a method or a property."""
        apply = self.function.apply
        if name in self.declaration.properties:
            return property(apply, doc=self.function.__doc__)
        if name in _REFLECTED:
            return _reflected(self.function.operator())
        return self.function.operator() if name in _BINARY else apply


def _reflected(apply: Callable[..., Any]) -> Callable[..., Any]:
    def method(y: Any, x: Any) -> Any:
        return apply(x, y)

    return method
