"""The page of the commands has each command's own help."""

from __future__ import annotations

import typer
from typer.testing import CliRunner

from plugrad.cli.app import app
from plugrad.docs.generator.commands import commands


def test_every_command_is_on_the_page():
    page = commands()
    for name, command in typer.main.get_command(app).commands.items():
        assert (f"\n## `plugrad {name}`\n" in page) is not command.hidden


def test_the_help_is_the_commands_own():
    done = CliRunner().invoke(app, ["check", "--help"], prog_name="plugrad", env={"COLUMNS": "90"})
    assert done.output.strip() in commands()
