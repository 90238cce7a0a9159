"""Packs: the op packs of this environment, loaded when needed; PackRegistry: collects their ops."""

from __future__ import annotations

import os
import threading
import time
from html import escape
from typing import TYPE_CHECKING

from plugrad.errors import (
    DuplicateOpError,
    PackDefinitionError,
    PackError,
    PackSelectionError,
    UnknownOpError,
    UnknownPackError,
)
from plugrad.plugins.discovery import find_packs, import_plugin, is_being_imported
from plugrad.plugins.guard import Guard
from plugrad.plugins.hooks import hooks_of, register_plugin
from plugrad.plugins.messages import did_you_mean, warn_all
from plugrad.plugins.registered_op import RegisteredOp
from plugrad.plugins.registry import Registry
from plugrad.plugins.selection import PackSelection, PackSettings, normalized

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    import pluggy

    from plugrad.core.function import Function
    from plugrad.plugins.absent import AbsentOp
    from plugrad.plugins.pack import Pack, Status

#: How many seconds a miss waits while another thread loads the packs. It might wait
#: forever: the other thread may be waiting for an import that this one is running.
PATIENCE = 30.0

_LIVELIEST: tuple[Status, ...] = ("loaded", "found", "set aside", "switched off")


class Packs:
    """The installed packs; ``plugrad.packs`` is the one that fills ``plugrad.registry``.

    ``import plugrad`` loads none. They all load when a name is missed: a method, an op or a
    torch function that no registered op has. Iterating finds them and imports nothing.

    Args:
        registry: where their ops go.
        manager: where their hooks go.
    """

    def __init__(self, registry: Registry, manager: pluggy.PluginManager) -> None:
        self._registry = registry
        self._manager = manager
        self._loaded = False
        self._told: set[str] = set()
        #: What ``select`` chose; None leaves it to PLUGRAD_PACKS and pyproject.toml.
        self.selection: PackSelection | None = None
        self._found: list[Pack] | None = None
        #: Called with each pack before it is imported.
        self.on_loading: Callable[[Pack], object] | None = None
        self.release()

    def release(self) -> None:
        """Forget the lock's owner: a forked process has no other thread that could release it."""
        self._lock = threading.RLock()  # held while packs' code runs
        self._finding = threading.Lock()
        self._loading = False

    # --- choosing ---
    def select(self, packs: str | Iterable[str]) -> None:
        """Choose which packs may load, before any does; it overrides PLUGRAD_PACKS.

        Args:
            packs: ``"all"``, ``"none"``, the names of distributions that may load
                (``"a,b"`` or a list), or of those that may not (``"-a,-b"``).

        Raises:
            PackSelectionError: it is none of these, or packs were loaded already.
        """
        selection = PackSelection.parse(packs, "plugrad.packs.select")
        if self._loading or any(pack.load_time is not None for pack in self._found or ()):
            raise PackSelectionError(
                "the packs are loaded already",
                where="plugrad.packs.select",
                fix="call it right after import plugrad, or set PLUGRAD_PACKS",
            )
        with self._finding:
            self.selection = selection
            self._found = None
            self._loaded = False

    # --- finding ---
    def __iter__(self) -> Iterator[Pack]:
        return iter(self._find())

    def __len__(self) -> int:
        return len(self._find())

    def __getitem__(self, name: str) -> Pack:
        of_this_name = [pack for pack in self if pack.name == name]
        if of_this_name:
            return min(of_this_name, key=lambda pack: _LIVELIEST.index(pack.status))
        known = [pack.name for pack in self]
        raise UnknownPackError(
            f"no pack named {name!r} is installed",
            fix=f"{did_you_mean(name, known)}the installed packs are {', '.join(known) or 'none'}",
        )

    def __repr__(self) -> str:
        try:
            packs = ", ".join(f"{pack.name} ({pack.status})" for pack in self)
        except PackSelectionError as error:
            packs = error.what
        return f"<Packs: {packs or 'none'}>"

    def _repr_html_(self) -> str:
        """What a notebook shows: a row for each pack."""
        try:
            rows = [f"<tr><td>{escape(p.name)}</td><td>{escape(p.status)}</td></tr>" for p in self]
        except PackSelectionError as error:
            return f"<pre>{escape(str(error))}</pre>"
        if not rows:
            return "no packs are installed"
        return f"<table><tr><th>pack</th><th>status</th></tr>{''.join(rows)}</table>"

    def _settings(self) -> PackSettings:
        return PackSettings.read(self.selection)

    def _find(self) -> list[Pack]:
        with self._finding:
            if self._found is None:
                self._found = find_packs(self._settings().selection)
            return self._found

    # --- loading ---
    def load(self, strict: bool | None = None) -> None:
        """Load the packs that may load, unless they are loaded already.

        A pack that cannot be loaded is set aside, with a PackWarning.

        Args:
            strict: raise if a pack was set aside; by default PLUGRAD_STRICT decides.

        Raises:
            PackError: ``strict``, and a pack was set aside.
            PackSelectionError: a setting is not understood.
        """
        messages = self._load_all()
        if self._settings().strict if strict is None else strict:
            self._raise_if_set_aside()
        self._warn(messages)

    def load_once(self) -> None:
        """As ``load``, but only once: this is what a miss does.

        If a setting is not understood, it is unknown which packs may load, so none does.
        That is a warning, and the miss continues, since ``hasattr`` must be able to say no.

        Raises:
            PackSelectionError: a setting is not understood, and PLUGRAD_STRICT is 1.
        """
        if self._loaded:
            return
        try:
            messages = self._load_all()
            strict = bool(messages) and self._settings().strict
        except PackSelectionError as error:
            if os.environ.get("PLUGRAD_STRICT") == "1":
                raise
            self._warn([f"no pack is loaded: {error}"])
            return
        if strict:
            self._raise_if_set_aside()
        self._warn(messages)

    def _load_all(self) -> list[str]:
        """Load what is not loaded yet; returns the warnings."""
        if not self._lock.acquire(timeout=PATIENCE):
            return []
        try:
            # A pack that is being imported may miss a name; another thread may have been first.
            return [] if self._loading or self._loaded else self._load_found()
        finally:
            self._lock.release()

    def _load_found(self) -> list[str]:
        messages = list(self._unknown_names(self._settings().selection))
        self._loading = True
        try:
            for pack in self._find():
                messages += self._load(pack)
        finally:
            self._loading = False
        self._loaded = not any(pack.status == "found" for pack in self._find())
        return messages

    def _load(self, pack: Pack) -> list[str]:
        """Load a pack, or set it aside; returns the warnings."""
        if pack.status == "set aside":
            return [_set_aside_message(pack)]
        if pack.status != "found" or is_being_imported(pack):
            return []
        if self.on_loading is not None:
            self.on_loading(pack)
        before = self._ops_of(pack)
        started = time.perf_counter()
        guard = Guard()
        try:
            with guard:
                messages = self._register(pack)
        except BaseException as error:
            self._undo(pack, before)
            if not guard.is_packs_own(error):
                raise  # Ctrl-C, a time limit: the next miss tries again
            pack.set_aside(error)
            messages = [_set_aside_message(pack)]
        else:
            pack.status = "loaded"
            for entry in self._ops_of(pack):
                messages += self._lost_claims(pack, entry)
        pack.load_time = time.perf_counter() - started
        return messages + guard.messages(f"the pack {pack.name} of {pack.source}", pack.where)

    def _register(self, pack: Pack) -> list[str]:
        """Import a pack and register its ops; returns the warnings."""
        self._registry.validate_pack_name(pack.name, pack.where)
        pack.validate()
        plugin = import_plugin(pack)
        known = self._manager.get_name(plugin)
        if known is not None:
            raise PackDefinitionError(
                f"it has the same hooks as the pack {known}",
                where=pack.where,
                fix="let each pack have a module of its own",
            )
        collected = PackRegistry(pack.name)
        hooks_of(plugin, pack).plugrad_register_ops(registry=collected)
        messages = collected.commit(self._registry)
        return messages + register_plugin(self._manager, self._registry, plugin, pack.name)

    def _ops_of(self, pack: Pack) -> list[RegisteredOp]:
        return [entry for entry in self._registry if entry.pack == pack.name]

    def _undo(self, pack: Pack, before: list[RegisteredOp]) -> None:
        """Take back what a pack registered before it failed."""
        if self._manager.has_plugin(pack.name):
            self._manager.unregister(name=pack.name)
        for entry in self._ops_of(pack):
            if entry not in before:
                self._registry.remove(entry)

    def _lost_claims(self, pack: Pack, entry: RegisteredOp) -> Iterator[str]:
        for what, owner in self._registry.lost(entry):
            if owner.rank == 0:
                yield (
                    f"{what} stays the built-in {owner.name}'s; {entry.name} of {pack.source} "
                    f"claims it too\n  where: {pack.where}\n  fix: call it as "
                    f"x.{entry.path}(); its author should choose another name"
                )

    def _unknown_names(self, selection: PackSelection) -> Iterator[str]:
        known = sorted({normalized(pack.distribution) for pack in self._find()})
        for name in sorted(selection.names.difference(known)):
            yield (
                f"no distribution named {name!r} with a pack is installed\n"
                f"  where: {selection.made_by}\n  fix: {did_you_mean(name, known)}"
                f"the distributions with packs are {', '.join(known) or 'none'}"
            )

    def _warn(self, messages: Iterable[str]) -> None:
        """Warn about what was not reported yet."""
        new = [message for message in dict.fromkeys(messages) if message not in self._told]
        self._told.update(new)
        warn_all(new)

    # --- explaining ---
    def explain_missing(self, name: str) -> None:
        """Raise an error that says why an installed pack is not available.

        Raises:
            UnknownOpError: it is switched off; or it is set aside, with the reason as the
                cause; or a setting is not understood.
        """
        try:
            names = {pack.name for pack in self}
        except PackSelectionError as error:
            if name not in {pack.name for pack in find_packs(PackSelection())}:
                return
            raise UnknownOpError(
                f"no pack is loaded, so {name} is not either: {error.what}",
                where=error.where,
                fix=error.fix,
            ) from error
        if name not in names:
            return
        pack = self[name]
        if pack.status in ("set aside", "switched off"):
            raise UnknownOpError(
                f"the pack {name} is {pack.status}",
                where=pack.where,
                fix=pack.error.fix
                if pack.error
                else "allow its distribution where PLUGRAD_PACKS, [tool.plugrad] or "
                "plugrad.packs.select leaves it out",
            ) from pack.error

    def hint(self) -> str:
        """What to add to a message about a name that is not there."""
        try:
            names = [pack.name for pack in self if pack.status == "set aside"]
        except PackSelectionError as error:
            return f"; no pack is loaded: {error.what} (see: plugrad doctor)"
        return f"; set aside: {', '.join(names)} (see: plugrad doctor)" if names else ""

    def _raise_if_set_aside(self) -> None:
        errors = [pack.error for pack in self if pack.error is not None]
        if errors:
            first, *others = errors
            what = "".join([first.what, *(f"; also, {e.where}: {e.what}" for e in others)])
            raise PackError(what, where=first.where, fix=first.fix) from (first.__cause__ or first)


def _set_aside_message(pack: Pack) -> str:
    return f"the pack {pack.name} of {pack.source} is set aside: {pack.error}"


class PackRegistry:
    """Collects the ops of one pack; they are invisible before ``commit``.

    Args:
        pack: the pack's name.
    """

    def __init__(self, pack: str) -> None:
        self.pack = pack
        # Ops of one pack can clash as in any registry.
        self._collected = Registry()
        self._committed = False

    def add(self, function: type[Function]) -> None:
        """Add an op that ``@op`` declared.

        Raises:
            OpDefinitionError: the class was not declared with ``@op``, names another pack,
                or claims an attribute of Variable itself.
            DuplicateOpError: another op of the pack has its name, a method or a torch
                callable.
            PackDefinitionError: the hook is over.
        """
        where = f"registering the ops of pack {self.pack}"
        if self._committed:
            raise PackDefinitionError(
                "plugrad_register_ops has returned, so its registry takes no more ops",
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

    def leave_out(self, op: AbsentOp) -> None:
        """Note a built-in op that the installed torch cannot have."""
        self._collected.absent[op.name] = op

    def commit(self, registry: Registry) -> list[str]:
        """Register what was collected; returns the warnings.

        Raises:
            DuplicateOpError: the program itself registered another op of the pack before.
        """
        self._committed = True
        entries = list(self._collected)
        for entry in entries:
            registry.validate(entry)
        registry.absent |= self._collected.absent
        return [message for entry in entries for message in registry.enter(entry)]
