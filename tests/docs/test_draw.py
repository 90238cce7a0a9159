"""docs/draw.md: its commands do what it says, and its tables are complete."""

from __future__ import annotations

import inspect
import re
import shlex
import sys

import pytest

pytest.importorskip("typer")
from typer.testing import CliRunner

import plugrad as pg
from plugrad.cli.app import app
from plugrad.drawing.drawing import SUFFIXES
from plugrad.tests.checkout import ROOT
from plugrad.tests.docs.page import blocks_of

PAGE = ROOT / "docs" / "draw.md"
TEXT = PAGE.read_text(encoding="utf-8")
BLOCKS = blocks_of(PAGE)


def test_the_commands_of_the_page(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (script,) = [b for b in BLOCKS if b.title]
    (tmp_path / script.title).write_text(script.text)
    (commands,) = [b for b in BLOCKS if b.language == "bash"]
    for line in commands.text.splitlines():
        plugrad, *arguments = shlex.split(line)
        assert plugrad == "plugrad"
        done = CliRunner().invoke(app, arguments)
        assert done.exit_code == 0, done.output
    sys.modules.pop("script")
    assert sorted(path.name for path in tmp_path.glob("*.html")) == ["graph.html", "loss.html"]


def test_the_tables_name_all_arguments_and_files():
    named = set(re.findall(r"`(\w+)`", " ".join(re.findall(r"^\| (`.*?) \|", TEXT, re.MULTILINE))))
    assert set(inspect.signature(pg.draw).parameters) <= named
    for suffix in SUFFIXES:
        assert f"`graph{suffix}`" in TEXT


def test_its_picture_is_there():
    for image in re.findall(r"!\[.*?\]\((.*?)\)", TEXT):
        assert (PAGE.parent / image).read_bytes().startswith(b"\x89PNG")
