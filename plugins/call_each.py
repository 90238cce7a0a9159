"""call_each: a hook of every plugin, one that raises not keeping it from the others."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from plugrad.plugins.error_text import error_text

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pluggy


def call_each(
    manager: pluggy.PluginManager, hook: str, only: object = None, **arguments: Any
) -> Iterator[str]:
    """Call ``hook`` in every plugin that has it, in the order in which they were loaded.

    (pluggy itself stops at the first that raises.)

    Args:
        manager: who has the plugins.
        hook: the name of the hook.
        only: call this plugin alone.
        arguments: of the hook.

    Yields:
        What to warn of, for each that raised. Nothing is called before this is asked for.
    """
    for implementation in getattr(manager.hook, hook).get_hookimpls():
        if only is not None and implementation.plugin is not only:
            continue
        given = [arguments[name] for name in implementation.argnames]
        try:
            implementation.function(*given)
        except (Exception, SystemExit) as error:
            yield (
                f"{hook} of the pack {implementation.plugin_name} raised "
                f"{error_text(error)}\n  fix: mend the hook, or leave the pack out with "
                "PLUGRAD_PACKS; all else goes on"
            )
