"""Registry: every op by its name, method and torch callable."""

from __future__ import annotations

from functools import partial
from html import escape
from typing import TYPE_CHECKING, Any

import torch
import torch.overrides

from plugrad.core.counted import counted
from plugrad.core.variable import Variable
from plugrad.core.when_used import making
from plugrad.errors import (
    AmbiguousOpError,
    DuplicateOpError,
    PlugradError,
    UnknownOpError,
    UnknownTorchFunctionError,
)
from plugrad.plugins.instead import (
    instead_of_attribute,
    instead_of_function,
    torch_name,
    variables_own,
)
from plugrad.plugins.known_packs import bring
from plugrad.plugins.messages import did_you_mean, warn_all
from plugrad.plugins.namespace import pack_attribute
from plugrad.plugins.naming import check_op, check_pack_name
from plugrad.plugins.registered_op import BUILTIN, RESERVED, Claims, RegisteredOp

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from plugrad.core.function import Function
    from plugrad.plugins.absent import AbsentOp
    from plugrad.plugins.packs import Packs


class Registry:
    """A set of ops. ``plugrad.registry`` is the one whose ops Variable has.

    ``registry["linalg.det"]`` finds an op, iteration goes by name, ``len`` counts. A name
    that is not there makes ``packs`` load, once; iteration and ``len`` load nothing.

    A built-in op keeps its names, whatever else claims them; next comes an op that the
    program registered itself. A name that two packs claim goes to neither: their ops are
    reached as ``pack::name``.
    """

    def __init__(self) -> None:
        self._ops: dict[str, RegisteredOp] = {}  # by qualified name
        self._names = Claims()  # plain names
        self._attributes = Claims()
        self._torch_functions = Claims()
        self._packs_of_ops: set[str] = set()
        self._attached_to: type | None = None
        #: What runs for torch callables that no op stands for, as long as the ops stay the
        #: same.
        self._without_op: dict[Callable[..., Any], Callable[..., Any]] = {}
        #: What runs for torch callables that are not computed by an op:
        #: ``torch.autograd.grad``.
        self.stand_ins: dict[Callable[..., Any], Callable[..., Any]] = {}
        #: Called with a torch callable and its arguments if nothing else stands for it.
        self.fall_back: Callable[..., Any] | None = None
        #: The built-in ops that the installed torch cannot have, by name.
        self.absent: dict[str, AbsentOp] = {}
        #: Where further ops may come from on a miss.
        self.packs: Packs | None = None
        #: Called with each op after it was registered; returns the warnings.
        self.on_registered: Callable[[RegisteredOp], Iterable[str]] | None = None

    # --- filling ---
    def add(self, function: type[Function], pack: str | None = None) -> RegisteredOp:
        """Register an op that ``@op`` declared; doing so again is silent.

        A class that is defined again under its old name in its module, as by a notebook's
        cell or a reload, replaces the old one, even if the op has another name now and
        claims something that the old one did. Nothing changes if it raises.

        Args:
            function: the op's class.
            pack: the name of the pack it comes from: that in the op's name, ``pack::op``,
                or else ``local``, the program itself.

        Raises:
            OpDefinitionError: the class was not declared with ``@op``, or claims an
                attribute of Variable itself.
            DuplicateOpError: another op of the pack has its name, a method or a torch
                callable; or a built-in op has it, and the new op is the program's own.
            PackDefinitionError: ops of a pack with this name could not be reached; or it is
                the name of the built-in ops' pack, and this is not a built-in op.
        """
        if pack is None:
            known = next((e for e in self._ops.values() if e.function is function), None)
            if known is not None:
                return known
        entry = RegisteredOp.of(function, pack)
        self.validate(entry)
        warn_all(self.enter(entry))
        return self._ops[entry.qualified_name]

    def enter(self, entry: RegisteredOp) -> list[str]:
        """Register what ``validate`` passed, and return what ``add`` would warn of."""
        known = self._ops.get(entry.qualified_name)
        if known is not None and known.function is entry.function:
            return []  # the existing entry stays, since others may hold it
        for old in self.replaced_by(entry):
            self.remove(old)
        self._without_op.clear()
        self._ops[entry.qualified_name] = entry
        for claims, keys in self._claims_of(entry):
            for key in keys:
                claims.add(key, entry)
        self._packs_of_ops.add(entry.pack)
        self._attach(*entry.attributes, entry.pack)
        return [] if self.on_registered is None else list(self.on_registered(entry))

    def remove(self, op: str | RegisteredOp) -> None:
        """Forget an op; the names that it had go to other claimants, if there are any.

        Raises:
            UnknownOpError: there is none of this name.
        """
        entry = self[op] if isinstance(op, str) else op
        self._without_op.clear()
        del self._ops[entry.qualified_name]
        for claims, keys in self._claims_of(entry):
            for key in keys:
                claims.remove(key, entry)
        if not any(other.pack == entry.pack for other in self._ops.values()):
            self._packs_of_ops.discard(entry.pack)
        self._attach(*entry.attributes, entry.pack)

    def replaced_by(self, entry: RegisteredOp) -> list[RegisteredOp]:
        """The ops that it would replace: of its class statement, and with one of its claims."""
        claimants = (
            owner
            for claims, keys in self._claims_of(entry)
            if not claims.are_free(keys)
            for key in keys
            for owner in claims.claimants(key)
        )
        return list(dict.fromkeys(o for o in claimants if _is_defined_again(o, entry)))

    def validate(self, entry: RegisteredOp) -> None:
        """Raise what ``add`` would."""
        where = f"registering {entry.plain_name} of pack {entry.pack}"
        check_op(entry, where)
        if entry.rank == 2 and entry.pack not in self._packs_of_ops:
            self.validate_pack_name(entry.pack, where)
        for claims, keys in self._claims_of(entry):
            if claims.are_free(keys):  # nearly always, and import waits for it
                continue
            for key in keys:
                for owner in claims.claimants(key):
                    if _may_not_share(entry, owner) and not _is_defined_again(owner, entry):
                        raise DuplicateOpError(
                            f"{_described(key, claims is self._names)} is claimed by "
                            f"{entry.module} and already belongs to {owner.plain_name} of "
                            f"{owner.module}",
                            where=where,
                            fix="choose another name, or drop it from methods= or overrides="
                            + ("" if owner.rank == 0 else f"; registry.remove({owner.name!r})"),
                        )

    def validate_pack_name(self, pack: str, where: str) -> None:
        """Check that ``x.pack.op()`` and ``plugrad.ops.pack.op`` can be.

        Raises:
            PackDefinitionError: it is not an identifier, begins with ``_``, or is spelled
                in a way that Python reads as another name; or a built-in op or Variable
                itself has the name.
        """
        check_pack_name(pack, where, self)

    def attach(self, variable_type: type = Variable) -> None:
        """Give ``variable_type`` the ops' methods, now and as ops are added."""
        self._attached_to = variable_type
        self._attach(*self._attributes, *self._packs_of_ops)

    def _attach(self, *names: str) -> None:
        """Bring Variable's attributes ``names`` up to date."""
        kind = self._attached_to
        if kind is None:
            return
        with making.lock:
            for name in names:
                owner = self._attributes.get(name)
                if name in self._packs_of_ops and name != BUILTIN and (owner is None or owner.rank):
                    setattr(kind, name, pack_attribute(self, name))
                elif owner is not None:
                    setattr(kind, name, owner.attribute_of(kind, name))
                elif name in vars(kind):
                    delattr(kind, name)  # no owner, or two packs: a miss, whose error names both

    def _claims_of(self, entry: RegisteredOp) -> list[tuple[Claims, Any]]:
        return [
            (self._names, [entry.plain_name]),
            (self._attributes, entry.attributes),
            (self._torch_functions, entry.torch_callables()),
        ]

    # --- looking up ---
    def find(self, name: str) -> RegisteredOp | None:
        """The op of a plain or qualified name among those that are registered now."""
        return self._ops.get(name) if "::" in name else self._names.get(name)

    def owner(self, attribute: str) -> RegisteredOp | None:
        """The op whose method or property ``attribute`` is."""
        return self._attributes.get(attribute)

    def stands_for(self, function: Callable[..., Any]) -> RegisteredOp | None:
        """The op that a torch callable reaches, among those that are registered now."""
        return self._torch_functions.get(function)

    def rivals(self, key: str | Callable[..., Any]) -> tuple[RegisteredOp, ...]:
        """The ops of packs that claim an attribute or torch callable, so that none has it."""
        return self._attributes.rivals(key) + self._torch_functions.rivals(key)

    @property
    def reserved(self) -> frozenset[str]:
        """The names on Variable that no op may take: those of Variable itself."""
        return RESERVED

    @property
    def pack_names(self) -> frozenset[str]:
        """The packs that ops are registered from."""
        return frozenset(self._packs_of_ops)

    def contested(self) -> Iterator[tuple[str, tuple[RegisteredOp, ...]]]:
        """What several ops claim, in words, with the ops; the first is not always the owner."""
        for claims in (self._names, self._attributes, self._torch_functions):
            for key, entries in claims.contested():
                yield _described(key, claims is self._names), entries

    def lost(self, entry: RegisteredOp) -> list[tuple[str, RegisteredOp]]:
        """The claims of ``entry`` that an op of a lower rank owns, in words, with that op."""
        return [
            (_described(key, claims is self._names), claims[key])
            for claims, keys in self._claims_of(entry)
            for key in keys
            if key in claims and claims[key].rank < entry.rank
        ]

    def __getitem__(self, name: str) -> RegisteredOp:
        entry = self.find(name) or self._find_in_packs(name)
        if entry is not None:
            return entry
        self._refuse_rivals(f"the name {name!r}", self._names.rivals(name))
        self._refuse_absent(f"there is no op named {name!r} here", name.removeprefix("plugrad::"))
        if self.packs is not None:
            self.packs.explain_missing(name.partition("::")[0])
        known = [entry.name for entry in self]
        raise UnknownOpError(f"there is no op named {name!r}", fix=self._suggestion(name, known))

    def __contains__(self, name: str) -> bool:
        return (self.find(name) or self._find_in_packs(name)) is not None

    def __iter__(self) -> Iterator[RegisteredOp]:
        return iter(sorted(self._ops.values(), key=lambda entry: entry.name))

    def __len__(self) -> int:
        return len(self._ops)

    def __repr__(self) -> str:
        return f"<Registry of {counted(len(self), 'op')}>"

    def _repr_html_(self) -> str:
        """What a notebook shows: the ops by the folder or pack that they are written in."""
        places: dict[str, list[str]] = {}
        for entry in self:
            place = entry.module.split(".")[2] if entry.pack == BUILTIN else f"pack {entry.pack}"
            places.setdefault(place, []).append(entry.name)
        found = [
            f"<details><summary>{escape(place)}: {len(names)}</summary>{escape(', '.join(names))}"
            "</details>"
            for place, names in sorted(places.items())
        ]
        return f"<b>{counted(len(self), 'op')}</b>{''.join(found)}"

    def _ipython_key_completions_(self) -> list[str]:
        """The names that TAB completes in ``registry["si``."""
        return [entry.name for entry in self]

    # --- what Variable asks (core.resolver.Resolver) ---
    def torch_function(self, function: Callable[..., Any]) -> Callable[..., Any]:
        """The op that stands for a torch callable.

        Raises:
            UnknownTorchFunctionError: there is none.
            AmbiguousOpError: two packs have one.
        """
        entry = self.stands_for(function)
        if entry is not None:
            return entry.calls(function)
        found = self.stand_ins.get(function) or self._without_op.get(function)
        if found is not None:
            return found
        name = torch_name(function)
        if not name.rpartition(".")[2].startswith("_"):
            self._load_packs()
            entry = self.stands_for(function)
            if entry is not None:
                return entry.calls(function)
        self._refuse_rivals(name, self._torch_functions.rivals(function))
        self._refuse_absent(f"no op stands for {name} here", name, UnknownTorchFunctionError)
        found = self._without_op[function] = variables_own(name) or self._torchs(function, name)
        return found

    def _torchs(self, function: Callable[..., Any], name: str) -> Callable[..., Any]:
        """What runs torch's own implementation of a function that has no op."""
        found = instead_of_function(name)
        if found is not None:
            what, instead = found
            raise UnknownTorchFunctionError(
                f"{name} cannot take a Variable: it is {what}",
                where=f"a call of {name}",
                fix=instead + self._set_aside(),
            )
        if self.fall_back is None:
            raise UnknownTorchFunctionError(
                f"no op stands for {name}, so it cannot take a Variable",
                where=f"a call of {name}",
                fix=f"write a Function for it with @plugrad.op(..., overrides=({name},)) and "
                f"registry.add it; or pass .data where no gradient is needed{self._set_aside()}",
            )
        return partial(self.fall_back, function)

    def primitive(self, overload: Callable[..., Any]) -> RegisteredOp | None:
        """The op that stands for one of aten's overloads, ``torch.ops.aten.add.Tensor``, if any.

        Only an op that names the overload itself in ``overrides`` counts: its forward takes
        what the dispatcher passes. An op that merely has the same name may take its
        arguments in another order.

        Raises:
            AmbiguousOpError: two packs have one.
        """
        entry = self.stands_for(overload)
        if entry is None:
            self._load_packs()
            entry = self.stands_for(overload)
        if entry is None and (rivals := self._torch_functions.rivals(overload)):
            self._refuse_rivals(torch_name(overload), rivals)
        return entry

    def attribute(self, variable: object, name: str) -> Any:
        """Variable's missing attribute ``name``: a pack's, once the packs are loaded.

        Raises:
            UnknownOpError: there is none; others are suggested.
            AmbiguousOpError: two packs have one.
        """
        if name.startswith("_"):  # a probe by some protocol, not a typing error
            raise AttributeError(f"{type(variable).__name__!r} object has no attribute {name!r}")
        self._load_packs()
        found = getattr(type(variable), name, None)
        if found is not None:  # by now; or it is a property that raised AttributeError
            return found.__get__(variable)
        self._refuse_rivals(f"the attribute {name!r}", self._attributes.rivals(name))
        self._refuse_absent(f"a Variable has no {name!r} here", name)
        if self.packs is not None:
            self.packs.explain_missing(name)
        instead = instead_of_attribute(name)
        if instead is not None:
            raise UnknownOpError(
                f"a Variable has no {name!r}: it is {instead[0]}",
                fix=instead[1] + self._set_aside(),
            )
        on_tensor = hasattr(torch.Tensor, name)
        if on_tensor and self.fall_back is not None:
            return self._of_tensors(variable, getattr(torch.Tensor, name))
        known = sorted(n for n in {*self._attributes, *dir(Variable)} if not n.startswith("_"))
        raise UnknownOpError(
            f"a Variable has no {name!r}: "
            + ("a tensor has it, but no op provides it" if on_tensor else "no op provides it"),
            fix=self._suggestion(name, known),
        )

    def _of_tensors(self, variable: object, attribute: Any) -> Any:
        """A method or property of tensors that no op provides, on a Variable."""
        if callable(attribute):
            return partial(self.torch_function(attribute), variable)
        return self.torch_function(attribute.__get__)(variable)

    # --- a miss ---
    def _load_packs(self) -> None:
        """Load the packs if needed; then always look again, since other threads load them too."""
        if self.packs is not None:
            self.packs.load_once()

    def _find_in_packs(self, name: str) -> RegisteredOp | None:
        # A name with _ is a probe by some protocol, not a typing error.
        if name.rpartition("::")[2].rpartition(".")[2].startswith("_"):
            return None
        self._load_packs()
        return self.find(name)

    def _set_aside(self) -> str:
        return "" if self.packs is None else self.packs.hint()

    def _suggestion(self, name: str, known: list[str]) -> str:
        shows = "list(plugrad.registry) shows every op; @plugrad.op and registry.add make one"
        return (bring(name) or did_you_mean(name, known)) + shows + self._set_aside()

    def _refuse_absent(
        self, what: str, name: str, error: type[PlugradError] = UnknownOpError
    ) -> None:
        """Raise an error if ``name`` is unknown because the installed torch lacks it."""
        for op in self.absent.values():
            if name == op.name or name in op.methods or name in op.overrides:
                raise error(f"{what}: {op.reason}", where=op.where, fix=op.fix)

    def _refuse_rivals(self, what: str, rivals: tuple[RegisteredOp, ...]) -> None:
        if rivals:
            names = [entry.name for entry in rivals]
            raise AmbiguousOpError(
                f"{what} is claimed by {' and by '.join(names)}",
                where=f"the packs {', '.join(sorted({entry.pack for entry in rivals}))}",
                fix=f"say which: plugrad.ops.{rivals[0].path}(...) or x.{rivals[0].path}(); or "
                "leave a pack out with PLUGRAD_PACKS",
            )


def _may_not_share(entry: RegisteredOp, owner: RegisteredOp) -> bool:
    """Whether two ops that claim one name are an error; they are not if one belongs to a pack."""
    return entry.pack == owner.pack or (entry.rank < 2 and owner.rank < 2)


def _is_defined_again(old: RegisteredOp, new: RegisteredOp) -> bool:
    """Whether both are one class, or one class statement, run twice."""
    if old.pack != new.pack:
        return False
    name = new.function.__qualname__
    # For a class inside a function, nobody can tell whether it is the same.
    again = (old.module, old.function.__qualname__) == (new.module, name) and "<locals>" not in name
    return again or old.function is new.function


def _described(key: Any, is_name: bool) -> str:
    if is_name:
        return f"the name {key!r}"
    if isinstance(key, str):
        return f"the method {key!r}"
    return torch_name(key)
