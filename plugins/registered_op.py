"""RegisteredOp: one entry of a registry; Claims: which entry gets each name."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any

import torch

from plugrad.core.twins import make_twin
from plugrad.core.variable import Variable
from plugrad.core.when_used import making
from plugrad.errors import OpDefinitionError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from plugrad.core.declaration import Declaration
    from plugrad.core.function import Function

_ARITHMETIC = "add sub mul matmul truediv floordiv mod divmod pow lshift rshift and xor or"
_UNARY = "abs ceil floor getitem index invert neg pos round setitem trunc"

#: x + y is x.__add__(y), and when x does not know how, y.__radd__(x): operands swapped.
REFLECTED = frozenset(f"__r{name}__" for name in _ARITHMETIC.split())
BINARY = frozenset(f"__{name}__" for name in (_ARITHMETIC + " eq ne lt le gt ge").split())

#: The special methods that an op may be: only those that compute something. Python and the
#: engine call the others (``__setattr__``, ``__del__``) at any time.
OPERATORS = (
    BINARY
    | REFLECTED
    | frozenset(f"__{name}__" for name in _UNARY.split())
    | frozenset(f"__i{name}__" for name in _ARITHMETIC.split())
)

# Taken before any op is attached. ``object``'s names are free: ``__eq__`` comes from an op.
RESERVED = frozenset(name for kind in Variable.__mro__[:-1] for name in vars(kind))

#: The pack of the built-in ops, and the pack of the ops that a program registers itself.
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

        Without a pack, it is the one in the op's name, as in ``pack::op``, or else LOCAL.

        Raises:
            OpDefinitionError: the class was not decorated, or names another pack.
        """
        # Not inherited: a subclass of an op is not an op until it is declared itself.
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
        """The op's name after its pack's name, always: ``special::airy_ai``, ``plugrad::sin``."""
        return f"{self.pack}::{self.plain_name}"

    @property
    def path(self) -> str:
        """The path that always reaches it, after ``x.`` or ``ops.``: ``special.airy_ai``."""
        return self.name.replace("::", ".")

    @cached_property
    def rank(self) -> int:
        """Which op wins a name: 0 a built-in one, 1 the program's own, 2 a pack's."""
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

        An op that declares none has one with the op's name, unless it is built in.
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

    @cached_property
    def attributes(self) -> tuple[str, ...]:
        """Every name it takes on Variable."""
        return self.methods + self.declaration.properties + self.inplace_names

    @cached_property
    def inplace_names(self) -> tuple[str, ...]:
        """The names of its in-place twins on Variable: ``add_``, ``__iadd__``."""
        declared = self.declaration.inplace
        if isinstance(declared, tuple):
            return declared
        names = map(inplace_name, self.methods) if declared else ()
        return tuple([name for name in names if name and hasattr(torch.Tensor, name)])

    @cached_property
    def _twins(self) -> dict[str, Callable[..., Any]]:
        return {name: make_twin(self.function, name) for name in self.inplace_names}

    def calls(self, function: Callable[..., Any]) -> Callable[..., Any]:
        """What stands for one of ``torch_callables``: the op, or an in-place twin."""
        name = getattr(function, "__name__", "")
        own = function in self.declaration.overrides
        return self.function.apply if own else self._twins.get(name, self.function.apply)

    @property
    def reference(self) -> Callable[..., Any] | None:
        """The torch callable its forward must equal, if there is one."""
        overrides = self.declaration.overrides
        return self.declaration.reference or (overrides[0] if overrides else None)

    def torch_callables(self) -> frozenset[Callable[..., Any]]:
        """All torch callables it stands for: the declared ones and Tensor's methods."""
        return self._torch_callables

    @cached_property
    def _torch_callables(self) -> frozenset[Callable[..., Any]]:
        callables = set(self.declaration.overrides)
        for name in self.methods:
            method = getattr(torch.Tensor, name, None)
            # On tensors a reflected operator is called only when the left operand is no
            # tensor, and then it never meets a Variable.
            if callable(method) and name not in REFLECTED:
                callables.add(method)
        for name in self.inplace_names:
            for place in (torch.Tensor, torch, torch.nn.functional):
                if callable(getattr(place, name, None)):
                    callables.add(getattr(place, name))
        return frozenset(callables)

    def attribute_of(self, kind: type, name: str) -> Any:
        """What to give ``kind``, Variable, as its attribute ``name``."""
        return AttributeWhenUsed(self, name, kind) if self.rank == 0 else self.attribute(name)

    def attribute(self, name: str) -> Any:
        """What Variable's attribute ``name`` becomes: a method or a property."""
        apply = self.function.apply
        if name in self._twins:
            return self._twins[name]
        if name in self.declaration.properties:
            written = self.declaration.view and self.declaration.elementwise  # x.real = y
            setter = partial(_write, apply) if written else None
            return property(apply, setter, doc=self.function.__doc__)
        if name in REFLECTED:
            return _reflected(self.function.operator())
        return self.function.operator() if name in BINARY else apply


class AttributeWhenUsed:
    """A built-in op's attribute on Variable before its first use, which puts the real one there.

    There are more than a thousand, and a program uses a few.
    """

    def __init__(self, entry: RegisteredOp, name: str, kind: type) -> None:
        self._entry, self._name, self._kind = entry, name, kind

    def __get__(self, variable: object, owner: type) -> Any:
        made = self._entry.attribute(self._name)
        with making.lock:
            if vars(self._kind).get(self._name) is self:  # not a pack's by now
                setattr(self._kind, self._name, made)
        return made.__get__(variable, owner)

    def __set__(self, variable: object, value: object) -> None:
        self.__get__(None, type(variable))
        setattr(variable, self._name, value)


def _write(view_of: Callable[..., Any], variable: Any, value: object) -> None:
    view_of(variable)[...] = value


def inplace_name(method: str) -> str:
    """The name of the in-place twin of a method, as torch has it; empty if there is none."""
    if method in REFLECTED:
        return ""
    if method in BINARY:
        return f"__i{method[2:]}"
    return "" if method.startswith("__") else f"{method}_"


def _unpickled(function: type[Function], pack: str) -> RegisteredOp:
    return RegisteredOp.of(function, pack)


def _reflected(apply: Callable[..., Any]) -> Callable[..., Any]:
    def method(y: Any, x: Any) -> Any:
        return apply(x, y)

    return method


class Claims(dict[Any, "RegisteredOp"]):
    """The owner of each key: a plain dict to look up in, kept by ``add`` and ``remove``.

    If several entries claim a key, the one with the lowest rank wins: a built-in op, then
    an op that the program registered itself, then a pack's. All packs have the same rank,
    so a key that two packs claim goes to neither: it has rivals and no owner.
    """

    def __init__(self) -> None:
        super().__init__()
        self._claims: dict[Any, list[RegisteredOp]] = {}

    def add(self, key: Any, entry: RegisteredOp) -> None:
        """Let ``entry`` claim ``key``."""
        claims = self._claims.setdefault(key, [])
        claims.append(entry)
        if len(claims) == 1:  # nearly always, and import waits for it
            self[key] = entry
        else:
            self._settle(key)

    def are_free(self, keys: Iterable[Any]) -> bool:
        """Whether nobody claims any of them."""
        return self._claims.keys().isdisjoint(keys)

    def remove(self, key: Any, entry: RegisteredOp) -> None:
        """Withdraw a claim."""
        self._claims[key].remove(entry)
        self._settle(key)

    def claimants(self, key: Any) -> tuple[RegisteredOp, ...]:
        """All entries that claim ``key``, in the order in which they came."""
        return tuple(self._claims.get(key, ()))

    def rivals(self, key: Any) -> tuple[RegisteredOp, ...]:
        """The claimants of a key that has no owner because there are several."""
        return () if key in self else self.claimants(key)

    def contested(self) -> Iterator[tuple[Any, tuple[RegisteredOp, ...]]]:
        """Each key that more than one op claims, with its claimants."""
        for key, entries in self._claims.items():
            if len(entries) > 1:
                yield key, tuple(entries)

    def _settle(self, key: Any) -> None:
        claims = self._claims[key]
        first = min((entry.rank for entry in claims), default=0)
        best = [entry for entry in claims if entry.rank == first]
        if len({entry.function for entry in best}) == 1:
            self[key] = best[0]
        else:
            self.pop(key, None)
