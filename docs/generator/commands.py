"""commands: the page of the commands, which is their help."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import typer
from typer.testing import CliRunner

from plugrad.cli.app import app

if TYPE_CHECKING:
    from collections.abc import Iterator

INTRODUCTION = """\
# Commands

`plugrad COMMAND`, or `python -m plugrad COMMAND`. They need the extra `cli`:
`pip install 'plugrad[cli]'`. What follows is what `plugrad COMMAND --help` prints; a pack may add
commands of its own, as `plugrad PACK COMMAND`.
"""


def commands() -> str:
    """The page."""
    return "\n".join([INTRODUCTION, *_sections(typer.main.get_command(app), ())])


def _sections(command: Any, path: tuple[str, ...]) -> Iterator[str]:
    yield f"## `{' '.join(('plugrad', *path))}`\n\n```text\n{_help(path)}\n```\n"
    children: dict[str, Any] = getattr(command, "commands", {})  # of a group
    for name in sorted(children):
        if not children[name].hidden:
            yield from _sections(children[name], (*path, name))


def _help(path: tuple[str, ...]) -> str:
    # As wide in every terminal that the site is built in.
    done = CliRunner().invoke(app, [*path, "--help"], prog_name="plugrad", env={"COLUMNS": "90"})
    if done.exit_code:
        raise RuntimeError(f"plugrad {' '.join(path)} --help: {done.output}") from done.exception
    return done.stdout.strip()
