"""console: where the commands print."""

from __future__ import annotations

from rich.console import Console


def console(*, to_errors: bool = False) -> Console:
    """Plain in a pipe, where nothing is cut; on standard error if JSON goes to the output."""
    made = Console(stderr=to_errors, highlight=False, markup=False, soft_wrap=True)
    if not made.is_terminal:
        made.width = 200
    return made
