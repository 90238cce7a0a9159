"""call_each: a hook of every plugin, one that raises not keeping it from the others."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from plugrad.plugins.warn import warn

if TYPE_CHECKING:
    import pluggy


def call_each(
    manager: pluggy.PluginManager, hook: str, only: object = None, **arguments: Any
) -> bool:
    """Call ``hook`` in every plugin that has it, in the order in which they were loaded.

    One that raises is reported as a PackWarning with the plugin's name. (pluggy itself
    stops at the first that raises.)

    Args:
        manager: who has the plugins.
        hook: the name of the hook.
        only: call this plugin alone.
        arguments: of the hook.

    Returns:
        Whether none raised.
    """
    fine = True
    for implementation in getattr(manager.hook, hook).get_hookimpls():
        if only is not None and implementation.plugin is not only:
            continue
        given = [arguments[name] for name in implementation.argnames]
        try:
            implementation.function(*given)
        except (Exception, SystemExit) as error:
            fine = False
            warn(
                f"{hook} of the pack {implementation.plugin_name} raised "
                f"{type(error).__name__}: {error}\n"
                "  fix: mend the hook, or leave the pack out with PLUGRAD_PACKS; all else goes on"
            )
    return fine
