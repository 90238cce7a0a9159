"""Packs: the op packs of this environment, found by their metadata and loaded when needed."""

from __future__ import annotations

import sys
import threading
import time
from importlib import metadata
from typing import TYPE_CHECKING, Any

from plugrad.errors import (
    PackDefinitionError,
    PackSelectionError,
    UnknownOpError,
    UnknownPackError,
)
from plugrad.plugins import hookspecs
from plugrad.plugins.did_you_mean import did_you_mean
from plugrad.plugins.distribution_name import normalized
from plugrad.plugins.find_packs import GROUP, find_packs
from plugrad.plugins.hook_manager import hook_manager
from plugrad.plugins.pack_registry import PackRegistry
from plugrad.plugins.pack_selection import PackSelection
from plugrad.plugins.pack_settings import PackSettings
from plugrad.plugins.register_plugin import register_plugin
from plugrad.plugins.trusted_path import outside_of_it
from plugrad.plugins.warn import warn

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    import pluggy

    from plugrad.plugins.pack import Pack
    from plugrad.plugins.registered_op import RegisteredOp
    from plugrad.plugins.registry import Registry


class Packs:
    """The installed packs; ``plugrad.packs`` is the one that fills ``plugrad.registry``.

    ``import plugrad`` loads none. They load all together when a name is missed: a method,
    an op or a torch function that no registered op has. Iterating finds them and imports
    nothing.

    Args:
        registry: where their ops go.
        manager: where their hooks go.
    """

    def __init__(self, registry: Registry, manager: pluggy.PluginManager) -> None:
        self._registry = registry
        self._manager = manager
        self._lock = threading.RLock()
        self._loading = False
        self._loaded = False
        #: What ``select`` chose; None leaves it to PLUGRAD_PACKS and pyproject.toml.
        self.selection: PackSelection | None = None
        self._found: list[Pack] | None = None
        #: Told of each pack before it is imported.
        self.on_loading: Callable[[Pack], object] | None = None

    # --- choosing ---
    def select(self, packs: str | Iterable[str]) -> None:
        """Choose which packs may load, before any did: as PLUGRAD_PACKS does, and before it.

        Args:
            packs: ``"all"``, ``"none"``, the names of distributions that may load
                (``"a,b"`` or a list), or of those that may not (``"-a,-b"``).

        Raises:
            PackSelectionError: it is none of these, or packs were loaded already.
        """
        selection = PackSelection.parse(packs, "plugrad.packs.select")
        with self._lock:
            if any(pack.status == "loaded" for pack in self._found or ()):
                raise PackSelectionError(
                    "the packs are loaded already",
                    where="plugrad.packs.select",
                    fix="call it right after import plugrad, or set PLUGRAD_PACKS",
                )
            self.selection = selection
            self._found = None
            self._loaded = False

    # --- finding ---
    def __iter__(self) -> Iterator[Pack]:
        return iter(self._find())

    def __len__(self) -> int:
        return len(self._find())

    def __getitem__(self, name: str) -> Pack:
        for pack in self:
            if pack.name == name:
                return pack
        known = [pack.name for pack in self]
        raise UnknownPackError(
            f"no pack named {name!r} is installed",
            fix=f"{did_you_mean(name, known)}the installed packs are {', '.join(known) or 'none'}",
        )

    def __repr__(self) -> str:
        return f"<Packs: {', '.join(f'{p.name} ({p.status})' for p in self) or 'none'}>"

    def _settings(self) -> PackSettings:
        settings = PackSettings.read()
        if self.selection is None:
            return settings
        return PackSettings(self.selection, settings.strict)

    def _find(self) -> list[Pack]:
        with self._lock:
            if self._found is None:
                self._found = find_packs(self._settings().selection)
            return self._found

    # --- loading ---
    def load(self, strict: bool | None = None) -> None:
        """Load the packs that may load, unless that was done.

        One that cannot is set aside, with a PackWarning.

        Args:
            strict: raise if one was set aside; what PLUGRAD_STRICT says unless told.

        Raises:
            PackError: ``strict``, and a pack was set aside.
            PackSelectionError: a setting is not understood.
        """
        self.load_once()
        if self._settings().strict if strict is None else strict:
            self._raise_if_set_aside()

    def load_once(self) -> bool:
        """Load the packs unless that was done; whether there may be ops now that were not."""
        if self._loaded:
            return False
        with self._lock:
            if self._loaded:  # by another thread, while this one waited
                return True
            if self._loading:  # a pack that is being imported misses a name
                return False
            settings = self._settings()
            self._loading = True
            try:
                messages = [message for pack in self._find() for message in self._load(pack)]
                self._loaded = not any(pack.status == "found" for pack in self._find())
            finally:
                self._loading = False
        # Last of all: a warning may be made an error, and by now everything is in place.
        if settings.strict:
            self._raise_if_set_aside()
        for message in [*self._unknown_names(settings.selection), *messages]:
            warn(message)
        return True

    def _load(self, pack: Pack) -> Iterator[str]:
        """Load a pack, or set it aside; gives what there is to warn of."""
        if pack.status == "set aside":
            yield _set_aside_message(pack)
        if pack.status != "found" or _is_being_imported(pack.module):
            return
        if self.on_loading is not None:
            self.on_loading(pack)
        started = time.perf_counter()
        try:
            entries = self._ops_of(pack)
        except KeyboardInterrupt:
            raise
        except BaseException as error:  # a pack may call sys.exit, or worse
            pack.set_aside(error)
            yield _set_aside_message(pack)
        else:
            pack.status = "loaded"
            for entry in entries:
                yield from self._lost_claims(pack, entry)
        pack.load_time = time.perf_counter() - started

    def _ops_of(self, pack: Pack) -> list[RegisteredOp]:
        """Import a pack and register its ops: all of them, or it raises."""
        pack.validate()
        self._registry.validate_pack_name(pack.name, pack.where)
        plugin = _import(pack)
        collected = PackRegistry(pack.name)
        _hooks_of(plugin, pack).plugrad_register_ops(registry=collected)
        entries = collected.commit(self._registry)
        register_plugin(self._manager, self._registry, plugin, pack.name)
        return entries

    def _lost_claims(self, pack: Pack, entry: RegisteredOp) -> Iterator[str]:
        for what, owner in self._registry.lost(entry):
            if owner.rank == 0:
                yield (
                    f"{what} stays the built-in {owner.name}'s; {entry.name} of {pack.source} "
                    f"claims it too\n  where: {pack.where}\n  fix: call it as "
                    f"x.{entry.name.replace('::', '.')}(); its author should choose another name"
                )

    def _unknown_names(self, selection: PackSelection) -> Iterator[str]:
        known = sorted({normalized(pack.distribution) for pack in self._find()})
        for name in sorted(selection.names.difference(known)):
            yield (
                f"no distribution named {name!r} with a pack is installed\n"
                f"  where: {selection.made_by}\n  fix: {did_you_mean(name, known)}"
                f"the distributions with packs are {', '.join(known) or 'none'}"
            )

    # --- explaining ---
    def explain_missing(self, name: str) -> None:
        """Raise why the pack ``name`` is not there, if it is installed.

        Raises:
            UnknownOpError: it is switched off, or set aside: then that is the cause, with
                its traceback.
        """
        for pack in self:
            if pack.name != name or pack.status not in ("set aside", "switched off"):
                continue
            raise UnknownOpError(
                f"the pack {name} is {pack.status}",
                where=pack.where,
                fix=pack.error.fix
                if pack.error
                else "allow its distribution, where PLUGRAD_PACKS, [tool.plugrad] or "
                "plugrad.packs.select leaves it out",
            ) from pack.error

    def hint(self) -> str:
        """What to add to a message about a name that is not there."""
        names = [pack.name for pack in self if pack.status == "set aside"]
        return f"; set aside: {', '.join(names)} (see: plugrad doctor)" if names else ""

    def _raise_if_set_aside(self) -> None:
        for pack in self:
            if pack.error is not None:
                raise type(pack.error)(
                    pack.error.what, where=pack.error.where, fix=pack.error.fix
                ) from (pack.error.__cause__ or pack.error)


def _set_aside_message(pack: Pack) -> str:
    return f"the pack {pack.name} of {pack.source} is set aside: {pack.error}"


def _is_being_imported(module: str) -> bool:
    """Whether an import of ``module`` is under way: what it gives now is not all of it."""
    spec = getattr(sys.modules.get(module), "__spec__", None)
    return getattr(spec, "_initializing", False)


def _import(pack: Pack) -> object:
    """The object with the pack's hooks.

    Raises:
        PackDefinitionError: the working directory has a module of its name. Whatever else
            the import raises.
    """
    point = metadata.EntryPoint(pack.name, pack.module, GROUP)
    place = outside_of_it(point.module)
    if place is not None:
        raise PackDefinitionError(
            f"its module would be imported from the working directory: {place}",
            where=pack.where,
            fix="start from another directory, or with python -P, or rename what is there",
        )
    return point.load()


def _hooks_of(plugin: object, pack: Pack) -> Any:
    """The hooks of one plugin alone, to call.

    Raises:
        PackDefinitionError: it has none, or one that plugrad does not have.
        PluginValidationError: one has arguments that plugrad does not give.
    """
    alone = hook_manager()
    alone.register(plugin, name=pack.name)
    callers = alone.get_hookcallers(plugin) or []
    names = [name for name in vars(hookspecs) if name.startswith("plugrad_")]
    for caller in callers:
        if not caller.has_spec():
            raise PackDefinitionError(
                f"plugrad has no hook {caller.name!r}",
                where=pack.where,
                fix=f"{did_you_mean(caller.name, names)}the hooks are {', '.join(names)}",
            )
    if not callers:
        raise PackDefinitionError(
            "it has no hook",
            where=pack.where,
            fix="decorate plugrad_register_ops with @plugrad.hookimpl, in the module the entry "
            "point names",
        )
    return alone.hook
