"""What plugrad calls: the pack's hooks."""

from __future__ import annotations

import importlib
import pkgutil
from typing import TYPE_CHECKING

import plugrad
from plugrad_special import ops

if TYPE_CHECKING:
    from plugrad.plugins.pack_registry import PackRegistry


@plugrad.hookimpl
def plugrad_register_ops(registry: PackRegistry) -> None:
    """Add the op of every module of ``plugrad_special.ops``."""
    for found in pkgutil.iter_modules(ops.__path__):
        if found.name.startswith("_"):
            continue
        module = importlib.import_module(f"{ops.__name__}.{found.name}")
        for value in vars(module).values():
            if isinstance(value, type) and value.__module__ == module.__name__:
                registry.add(value)
