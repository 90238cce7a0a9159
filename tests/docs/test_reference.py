"""What is public is on a page: hooks, names, errors, ops, commands."""

from __future__ import annotations

import inspect
import re
import types

import pytest
import typer
from typer.testing import CliRunner

import plugrad as pg
from plugrad.plugins import hooks
from plugrad.plugins.hooks import hook_manager
from plugrad.testing import LAWS, check_op
from plugrad.testing.law import LawBook
from plugrad.tests.checkout import ROOT
from plugrad.tests.docs.page import blocks_of

DOCS = ROOT / "docs"
HOOKS = [name for name in vars(hooks) if name.startswith("plugrad_")]


def documented(page):
    """The objects that mkdocstrings shows on a page."""
    return re.findall(r"^::: (\S+)$", (DOCS / page).read_text(encoding="utf-8"), re.MULTILINE)


def test_every_hook_is_documented_with_its_own_signature():
    assert documented("packs/hooks.md") == [f"plugrad.plugins.hooks.{name}" for name in HOOKS]


@pytest.fixture
def page_plugin():
    """The hooks that the page shows, as a plugin."""
    plugin = types.ModuleType("from_the_page")
    for block in blocks_of(DOCS / "packs/hooks.md"):
        if block.language == "python":
            exec(block.text, vars(plugin))
    return plugin


def test_the_hooks_on_the_page_are_hooks(page_plugin):
    manager = hook_manager()
    manager.register(page_plugin)
    manager.check_pending()
    assert {caller.name for caller in manager.get_hookcallers(page_plugin)} == set(HOOKS)


def test_the_law_on_the_page_judges(page_plugin, monkeypatch):
    book = LawBook()
    page_plugin.plugrad_register_checks(book)
    (law,) = book
    monkeypatch.setitem(LAWS._laws, law.id, law)

    class Terse(pg.Function):
        """y = x."""

        forward = staticmethod(lambda ctx, x: x.clone())
        backward = staticmethod(lambda ctx, gy: gy)
        samples = staticmethod(lambda make: iter([pg.Sample(make(2))]))

    (failure,) = check_op(Terse, laws=[law.id]).failures
    assert failure.message == "the docstring has fewer than five words"
    assert check_op("sin", laws=[law.id]).passed


def test_the_command_on_the_page_runs(page_plugin):
    app = typer.Typer()
    page_plugin.plugrad_add_commands(app)
    assert CliRunner().invoke(app, ["--points", "5"]).output == "5 points\n"


def told(page):
    return (DOCS / page).read_text(encoding="utf-8")


def test_every_public_name_of_plugrad_is_told_of():
    shown = {path.rpartition(".")[2] for path in documented("reference/plugrad.md")}
    mentioned = set(re.findall(r"`pg\.(\w+)`", told("reference/plugrad.md")))
    assert set(pg.__all__) <= shown | mentioned


def test_every_public_name_of_the_checks_is_told_of():
    shown = {path.rpartition(".")[2] for path in documented("reference/testing.md")}
    assert set(pg.testing.__all__) - {"FAULTS", "LAWS"} <= shown
    assert "`plugrad.testing.LAWS`" in told("reference/testing.md")
    assert "`plugrad.testing.FAULTS`" in told("reference/testing.md")


@pytest.mark.parametrize(
    "path", [*ROOT.glob("packs/*/**/*.py"), *DOCS.glob("**/*.md")], ids=lambda path: path.name
)
def test_packs_and_pages_import_the_public_names(path):
    """They keep working when a module is moved."""
    text = path.read_text(encoding="utf-8")
    private = set(re.findall(r"from (plugrad\.(?:testing\.|core)\S*) import", text))
    assert not private


@pytest.mark.parametrize(
    "page", [path.relative_to(DOCS).as_posix() for path in sorted((DOCS / "reference").glob("*"))]
)
def test_what_a_page_shows_has_a_docstring(page):
    for path in documented(page):
        module, _, name = path.rpartition(".")
        found = pg.errors if path == "plugrad.errors" else None
        if found is None:
            parent = __import__(module, fromlist=[name])
            found = getattr(parent, name)
        assert inspect.getdoc(found), path
