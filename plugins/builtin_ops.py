"""The built-in ops, as a plugin like any other."""

from __future__ import annotations

import importlib
import pkgutil
from typing import TYPE_CHECKING

from plugrad.core.function import Function
from plugrad.plugins.hookspecs import hookimpl

if TYPE_CHECKING:
    from collections.abc import Iterator

    from plugrad.plugins.pack_registry import PackRegistry


@hookimpl
def plugrad_register_ops(registry: PackRegistry) -> None:
    """Add the op of every module under ``plugrad.ops``."""
    for function in _declared():
        registry.add(function)


def _declared() -> Iterator[type[Function]]:
    # By name: the attribute plugrad.ops is the namespace of the registered ops.
    package = importlib.import_module("plugrad.ops")
    for found in pkgutil.walk_packages(package.__path__, "plugrad.ops."):
        if found.ispkg:
            continue
        module = importlib.import_module(found.name)
        for value in vars(module).values():
            own = isinstance(value, type) and value.__module__ == module.__name__
            if own and issubclass(value, Function) and value.declaration is not None:
                yield value
