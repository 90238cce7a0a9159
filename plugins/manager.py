"""The plugin manager that fills the default registry."""

from __future__ import annotations

import pluggy

from plugrad.core import resolver
from plugrad.plugins import builtin_ops, hookspecs
from plugrad.plugins.registry import Registry


def make_manager() -> pluggy.PluginManager:
    """A manager that knows our hooks and the built-in ops' plugin."""
    manager = pluggy.PluginManager("plugrad")
    manager.add_hookspecs(hookspecs)
    manager.register(builtin_ops, name="plugrad")
    return manager


def make_registry(manager: pluggy.PluginManager) -> Registry:
    """A registry with the ops of every plugin of ``manager``; Variable is not touched."""
    registry = Registry()
    manager.hook.plugrad_register_ops(registry=registry)
    return registry


manager = make_manager()
#: The registry whose ops Variable has.
registry = make_registry(manager)
registry.attach()
resolver.install(registry)
