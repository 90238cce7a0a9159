"""hook_manager: a pluggy manager that knows plugrad's hooks."""

from __future__ import annotations

import pluggy

from plugrad.plugins import hookspecs


def hook_manager() -> pluggy.PluginManager:
    """A new manager without plugins."""
    manager = pluggy.PluginManager("plugrad")
    manager.add_hookspecs(hookspecs)
    return manager
