"""register_plugin: a plugin's hooks, and what they missed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from plugrad.plugins.call_each import call_each

if TYPE_CHECKING:
    import pluggy

    from plugrad.plugins.registry import Registry


def register_plugin(
    manager: pluggy.PluginManager, registry: Registry, plugin: object, name: str
) -> list[str]:
    """Let a plugin's hooks be called, and tell it of the ops that are there already.

    Args:
        manager: who calls the hooks.
        registry: of the ops that ``plugrad_op_registered`` is told.
        plugin: a module or an object with hooks.
        name: what messages call it.

    Returns:
        What to warn of: its listener raised, and was told of no further op.
    """
    manager.register(plugin, name=name)
    for entry in registry:
        messages = list(call_each(manager, "plugrad_op_registered", only=plugin, op=entry))
        if messages:
            return messages
    return []
