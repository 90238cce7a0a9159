"""The hooks that a pack may implement, the markers for them, and how hooks are called.

A hook that raises is reported with the pack's name; plugrad and the other packs keep working.
"""

from __future__ import annotations

import inspect
import sys
from typing import TYPE_CHECKING, Any

import pluggy

from plugrad.errors import PackDefinitionError
from plugrad.plugins.guard import Guard
from plugrad.plugins.messages import did_you_mean, error_text, warn_all

if TYPE_CHECKING:
    from collections.abc import Iterator

    from plugrad.plugins.pack import Pack
    from plugrad.plugins.packs import PackRegistry
    from plugrad.plugins.registered_op import RegisteredOp
    from plugrad.plugins.registry import Registry


hookspec = pluggy.HookspecMarker("plugrad")
hookimpl = pluggy.HookimplMarker("plugrad")


@hookspec
def plugrad_register_ops(registry: PackRegistry) -> None:
    """Add the pack's ops: ``registry.add(MyOp)`` for each.

    Called once, when the pack loads. All of them are registered, or none.
    """


@hookspec
def plugrad_op_registered(op: RegisteredOp) -> None:
    """Learn of an op, after it was registered.

    Called for every op, whatever pack it is from: once for each that was there before the
    listener, and then as they come. An op that is defined again, as by a notebook's cell,
    is passed again.
    """


@hookspec
def plugrad_register_checks(laws: Any, faults: Any) -> None:
    """Add laws to the checker and faults to the strength run.

    ``laws`` is ``plugrad.testing.LAWS`` and ``faults`` is ``plugrad.testing.FAULTS``.
    Called once, when the first check or strength run begins. All of them are added, or none.
    """


@hookspec
def plugrad_add_commands(app: Any) -> None:
    """Add commands: ``plugrad NAME-OF-THE-PACK COMMAND``.

    ``app`` is a ``typer.Typer`` of the pack's own. Called when ``plugrad NAME-OF-THE-PACK``
    is typed and plugrad itself has no command of that name; the packs are loaded first. If
    it raises, the pack has no commands.
    """


def hook_manager() -> pluggy.PluginManager:
    """A new manager without plugins."""
    manager = pluggy.PluginManager("plugrad")
    manager.add_hookspecs(sys.modules[__name__])
    return manager


def call_each(
    manager: pluggy.PluginManager, hook: str, only: object = None, **arguments: Any
) -> Iterator[str]:
    """Call ``hook`` in every plugin that has it, in the order in which they were loaded.

    (pluggy itself stops at the first that raises.)

    Args:
        manager: it holds the plugins.
        hook: the name of the hook.
        only: call this plugin alone.
        arguments: of the hook.

    Yields: A warning for each hook that raised. Nothing is called until these are asked
        for.
    """
    changed: list[str] = []
    for implementation in getattr(manager.hook, hook).get_hookimpls():
        if only is not None and implementation.plugin is not only:
            continue
        given = [arguments[name] for name in implementation.argnames]
        guard = Guard()
        try:
            with guard:
                implementation.function(*given)
        except BaseException as error:
            if not guard.is_packs_own(error):
                raise
            yield (
                f"{hook} of the pack {implementation.plugin_name} raised "
                f"{error_text(error)}\n  fix: fix the hook, or leave the pack out with "
                "PLUGRAD_PACKS; everything else keeps working"
            )
        who = f"the pack {implementation.plugin_name}"
        changed += guard.messages(f"{hook} of {who}", who)
    warn_all(changed)  # here: what is yielded is about hooks that failed


def register_plugin(
    manager: pluggy.PluginManager, registry: Registry, plugin: object, name: str
) -> list[str]:
    """Let a plugin's hooks be called, and pass it the ops that are there already.

    Args:
        manager: it calls the hooks.
        registry: holds the ops that are passed to ``plugrad_op_registered``.
        plugin: a module or an object with hooks.
        name: what messages call it.

    Returns:
        Warnings, if its listener raised; then it gets no further op.
    """
    manager.register(plugin, name=name)
    for entry in registry:
        messages = list(call_each(manager, "plugrad_op_registered", only=plugin, op=entry))
        if messages:
            return messages
    return []


_HOOKS = [name for name in globals() if name.startswith("plugrad_")]


def hooks_of(plugin: object, pack: Pack) -> Any:
    """The hooks of one plugin alone, to call.

    Raises:
        PackDefinitionError: it has no hook, or one that plugrad does not have or cannot call.
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
    """Refuse a function whose body a call would not run."""
    function = implementation.function
    wraps = implementation.wrapper or implementation.hookwrapper
    if wraps or inspect.isgeneratorfunction(function) or inspect.iscoroutinefunction(function):
        raise PackDefinitionError(
            f"the hook {function.__name__} is a wrapper, a generator or a coroutine",
            where=pack.where,
            fix="write it as a plain function",
        )
