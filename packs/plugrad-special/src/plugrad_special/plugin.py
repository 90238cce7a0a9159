"""What plugrad calls: the pack's hooks."""

from __future__ import annotations

import importlib
import pkgutil
from typing import TYPE_CHECKING, Any

import plugrad
from plugrad_special import ops

if TYPE_CHECKING:
    from plugrad.plugins.packs import PackRegistry
    from plugrad.testing import LawBook


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


@plugrad.hookimpl
def plugrad_register_checks(laws: LawBook) -> None:
    """Add the law ``special-tails``."""
    from plugrad_special.tails_law import add_tails

    add_tails(laws)


@plugrad.hookimpl
def plugrad_add_commands(app: Any) -> None:
    """Add ``plugrad special accuracy``."""
    from plugrad_special.accuracy.command import accuracy

    app.command()(accuracy)
