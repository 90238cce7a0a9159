"""The default registry: filled with the built-in ops, and from the packs when a name is missed."""

from __future__ import annotations

import gc
import os
from contextlib import contextmanager
from typing import TYPE_CHECKING

from plugrad.core import resolver
from plugrad.plugins import builtin_ops
from plugrad.plugins.call_each import call_each
from plugrad.plugins.hook_manager import hook_manager
from plugrad.plugins.pack_registry import PackRegistry
from plugrad.plugins.packs import Packs
from plugrad.plugins.registered_op import BUILTIN
from plugrad.plugins.registry import Registry

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pluggy


def make_manager() -> pluggy.PluginManager:
    """A manager that knows our hooks and the built-in ops' plugin."""
    manager = hook_manager()
    manager.register(builtin_ops, name=BUILTIN)
    return manager


def make_registry(manager: pluggy.PluginManager) -> Registry:
    """A registry with the built-in ops; Variable is not touched."""
    registry = Registry()
    registry.on_registered = lambda op: call_each(manager, "plugrad_op_registered", op=op)
    collected = PackRegistry(BUILTIN)
    manager.hook.plugrad_register_ops(registry=collected)
    collected.commit(registry)
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
#: The packs that it gets further ops from.
packs = registry.packs = Packs(registry, manager)
registry.attach()
if hasattr(os, "register_at_fork"):  # not on Windows
    os.register_at_fork(after_in_child=packs.release)
resolver.install(registry)
