"""PluginOf: the module or object with a pack's hooks."""

from __future__ import annotations

import inspect
import sys
from importlib import metadata
from typing import TYPE_CHECKING, Any

from plugrad.errors import PackDefinitionError
from plugrad.plugins import hookspecs
from plugrad.plugins.did_you_mean import did_you_mean
from plugrad.plugins.find_packs import GROUP
from plugrad.plugins.hook_manager import hook_manager
from plugrad.plugins.trusted_path import outside_of_it

if TYPE_CHECKING:
    from plugrad.plugins.pack import Pack

_HOOKS = [name for name in vars(hookspecs) if name.startswith("plugrad_")]


def is_being_imported(pack: Pack) -> bool:
    """Whether an import of its module, or of a package it is in, is under way.

    What it gives now is not all of it.
    """
    parts = pack.import_name.split(".")
    names = (".".join(parts[:count]) for count in range(1, len(parts) + 1))
    specs = (getattr(sys.modules.get(name), "__spec__", None) for name in names)
    return any(getattr(spec, "_initializing", False) for spec in specs)


def import_plugin(pack: Pack) -> object:
    """Import the object with the pack's hooks.

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


def hooks_of(plugin: object, pack: Pack) -> Any:
    """The hooks of one plugin alone, to call.

    Raises:
        PackDefinitionError: it has none, or one that plugrad does not have or cannot call.
        PluginValidationError: one has arguments that plugrad does not give.
    """
    alone = hook_manager()
    alone.register(plugin, name=pack.name)
    callers = alone.get_hookcallers(plugin) or []
    for caller in callers:
        if not caller.has_spec():
            raise PackDefinitionError(
                f"plugrad has no hook {caller.name!r}",
                where=pack.where,
                fix=f"{did_you_mean(caller.name, _HOOKS)}the hooks are {', '.join(_HOOKS)}",
            )
    marked = {caller.name for caller in callers}
    _refuse_unmarked([n for n in _HOOKS if n not in marked and hasattr(plugin, n)], pack)
    if not callers:
        raise PackDefinitionError(
            "it has no hook",
            where=pack.where,
            fix="decorate plugrad_register_ops with @plugrad.hookimpl, in the module the entry "
            "point names",
        )
    for caller in callers:
        for implementation in caller.get_hookimpls():
            _refuse_unusual(implementation, pack)
    return alone.hook


def _refuse_unmarked(names: list[str], pack: Pack) -> None:
    if names:
        raise PackDefinitionError(
            f"it has no hook {names[0]}: the function of this name is not marked as one",
            where=pack.where,
            fix=f"decorate {names[0]} with @plugrad.hookimpl",
        )


def _refuse_unusual(implementation: Any, pack: Pack) -> None:
    """Refuse what would be called and not run."""
    function = implementation.function
    wraps = implementation.wrapper or implementation.hookwrapper
    if wraps or inspect.isgeneratorfunction(function) or inspect.iscoroutinefunction(function):
        raise PackDefinitionError(
            f"the hook {function.__name__} is a wrapper, a generator or a coroutine",
            where=pack.where,
            fix="write it as a plain function",
        )
