"""The default registry: it has the built-in ops, and loads the packs for an unknown name.

The built-in ops come from a plugin like any other: this module.
"""

from __future__ import annotations

import importlib
import os
import pkgutil
import sys
from typing import TYPE_CHECKING

from plugrad.core import resolver
from plugrad.core.function import Function
from plugrad.plugins.absent import AbsentOp
from plugrad.plugins.hooks import call_each, hook_manager, hookimpl
from plugrad.plugins.packs import PackRegistry, Packs
from plugrad.plugins.registered_op import BUILTIN
from plugrad.plugins.registry import Registry

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import ModuleType

    import pluggy


@hookimpl
def plugrad_register_ops(registry: PackRegistry) -> None:
    """Add the op of every module under ``plugrad.ops``; leave out what torch lacks."""
    # By name: the attribute plugrad.ops is the namespace of the registered ops.
    package = importlib.import_module("plugrad.ops")
    for found in pkgutil.walk_packages(package.__path__, "plugrad.ops."):
        if found.ispkg:
            continue
        try:
            module = importlib.import_module(found.name)
        except (AttributeError, ImportError) as error:
            absent = AbsentOp.of(found.name, error)
            if absent is None:  # a mistake, in the module or around it
                raise
            registry.leave_out(absent)
        else:
            for function in _declared(module):
                registry.add(function)


def _declared(module: ModuleType) -> Iterator[type[Function]]:
    for value in vars(module).values():
        own = isinstance(value, type) and value.__module__ == module.__name__
        if own and issubclass(value, Function) and value.declaration is not None:
            yield value


def make_manager() -> pluggy.PluginManager:
    """A manager that knows our hooks and the built-in ops' plugin."""
    manager = hook_manager()
    manager.register(sys.modules[__name__], name=BUILTIN)
    return manager


def make_registry(manager: pluggy.PluginManager) -> Registry:
    """A registry with the built-in ops; Variable is not touched."""
    registry = Registry()
    registry.on_registered = lambda op: call_each(manager, "plugrad_op_registered", op=op)
    collected = PackRegistry(BUILTIN)
    manager.hook.plugrad_register_ops(registry=collected)
    collected.commit(registry)
    return registry


manager = make_manager()
#: The registry whose ops Variable has.
registry = make_registry(manager)
#: The packs that it gets further ops from.
packs = registry.packs = Packs(registry, manager)
registry.attach()
if hasattr(os, "register_at_fork"):  # not on Windows
    os.register_at_fork(after_in_child=packs.release)
resolver.install(registry)
