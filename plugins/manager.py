"""The plugin manager that fills the default registry."""

from __future__ import annotations

import gc
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pluggy

from plugrad.core import resolver
from plugrad.plugins import builtin_ops, hookspecs
from plugrad.plugins.registry import Registry

if TYPE_CHECKING:
    from collections.abc import Iterator


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


@contextmanager
def _without_collections() -> Iterator[None]:
    """Keep Python's garbage collector off.

    Loading a hundred modules makes many objects and no garbage, and the full collection
    they would set off looks at all of torch's too: it was two thirds of our import time.
    """
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


manager = make_manager()
with _without_collections():
    #: The registry whose ops Variable has.
    registry = make_registry(manager)
registry.attach()
resolver.install(registry)
