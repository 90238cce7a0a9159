"""Registry: every op by its name, method and torch callable."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
import torch.overrides

from plugrad.core.variable import Variable
from plugrad.errors import (
    DuplicateOpError,
    OpDefinitionError,
    UnknownOpError,
    UnknownTorchFunctionError,
)
from plugrad.plugins.did_you_mean import did_you_mean
from plugrad.plugins.registered_op import RegisteredOp

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from plugrad.core.function import Function

# Taken before any op is attached. ``object``'s names are free: ``__eq__`` comes from an op.
_VARIABLES_OWN = frozenset(name for kind in Variable.__mro__[:-1] for name in vars(kind))


class Registry:
    """A set of ops. ``plugrad.registry`` is the one whose ops Variable has.

    ``registry["linalg.det"]`` finds an op, iteration goes by name, ``len`` counts.
    """

    def __init__(self) -> None:
        self._ops: dict[str, RegisteredOp] = {}
        self._torch_functions: dict[Any, RegisteredOp] = {}
        self._attributes: dict[str, RegisteredOp] = {}
        self._attached_to: type | None = None

    # --- filling ---
    def add(self, function: type[Function], pack: str = "plugrad") -> RegisteredOp:
        """Register an op that ``@op`` declared; doing so again is silent.

        Nothing changes if it raises.

        Args:
            function: the op's class.
            pack: the name of the pack it comes from.

        Raises:
            OpDefinitionError: the class was not declared with ``@op``, or an attribute it
                claims is one of Variable's own.
            DuplicateOpError: another op has its name, a method or a torch callable.
        """
        entry = RegisteredOp.of(function, pack)
        known = self._ops.get(entry.name)
        if known is not None and known.function is function:
            return known
        callables = entry.torch_callables()
        self._validate(entry, callables)
        self._ops[entry.name] = entry
        self._torch_functions.update(dict.fromkeys(callables, entry))
        for name in entry.attributes:
            self._attributes[name] = entry
            if self._attached_to is not None:
                setattr(self._attached_to, name, entry.attribute(name))
        return entry

    def attach(self, variable_type: type = Variable) -> None:
        """Give ``variable_type`` the ops' methods, now and as ops are added."""
        self._attached_to = variable_type
        for name, entry in self._attributes.items():
            setattr(variable_type, name, entry.attribute(name))

    def _validate(self, entry: RegisteredOp, callables: set[Callable[..., Any]]) -> None:
        claims = [(f"the name {entry.name!r}", self._ops.get(entry.name))]
        claims += [(f"the method {n!r}", self._attributes.get(n)) for n in entry.attributes]
        claims += [(f"{c!r}", self._torch_functions.get(c)) for c in callables]
        for what, owner in claims:
            if owner is not None:
                raise DuplicateOpError(
                    f"{what} is claimed by {entry.function.__module__} and already belongs to "
                    f"{owner.name} of {owner.module}",
                    where=f"registering {entry.name} of pack {entry.pack}",
                    fix="choose another name, or drop it from methods= or overrides=",
                )
        for name in entry.attributes:
            if name in _VARIABLES_OWN:
                raise OpDefinitionError(
                    f"{entry.name} claims {name!r}, which is Variable's own",
                    where=f"registering {entry.name} of pack {entry.pack}",
                    fix="choose another name in methods= or properties=",
                )

    # --- looking up ---
    def owner(self, attribute: str) -> RegisteredOp | None:
        """The op whose method or property ``attribute`` is."""
        return self._attributes.get(attribute)

    @property
    def reserved(self) -> frozenset[str]:
        """The names on Variable that no op may take: its own."""
        return _VARIABLES_OWN

    def __getitem__(self, name: str) -> RegisteredOp:
        entry = self._ops.get(name)
        if entry is None:
            raise UnknownOpError(
                f"there is no op named {name!r}", fix=_suggestion(name, list(self._ops))
            )
        return entry

    def __contains__(self, name: object) -> bool:
        return name in self._ops

    def __iter__(self) -> Iterator[RegisteredOp]:
        return iter(sorted(self._ops.values(), key=lambda entry: entry.name))

    def __len__(self) -> int:
        return len(self._ops)

    def __repr__(self) -> str:
        return f"<Registry of {len(self)} ops>"

    # --- what Variable asks (core.resolver.Resolver) ---
    def torch_function(self, function: Callable[..., Any]) -> Callable[..., Any]:
        """The op that stands for a torch callable.

        Raises:
            UnknownTorchFunctionError: there is none.
        """
        entry = self._torch_functions.get(function)
        if entry is None:
            name = torch.overrides.resolve_name(function) or getattr(function, "__name__", "?")
            raise UnknownTorchFunctionError(
                f"no op stands for {name}, so it cannot take a Variable",
                where=f"a call of {name}",
                fix=f"write a Function for it with @plugrad.op(..., overrides=({name},)) and "
                "registry.add it; or pass .data where no gradient is wanted",
            )
        return entry.apply

    def attribute(self, variable: object, name: str) -> Any:
        """Variable's missing attribute ``name``: always an error, which suggests others.

        Raises:
            UnknownOpError: always.
        """
        if name.startswith("_"):  # a probe by some protocol, not somebody's typing error
            raise AttributeError(f"{type(variable).__name__!r} object has no attribute {name!r}")
        on_tensor = hasattr(torch.Tensor, name)
        known = sorted(n for n in {*self._attributes, *dir(Variable)} if not n.startswith("_"))
        raise UnknownOpError(
            f"a Variable has no {name!r}: "
            + ("a tensor has it, but no op provides it" if on_tensor else "no op provides it"),
            fix=_suggestion(name, known),
        )


def _suggestion(name: str, known: list[str]) -> str:
    hint = did_you_mean(name, known)
    return hint + "list(plugrad.registry) shows every op; @plugrad.op and registry.add make one"
