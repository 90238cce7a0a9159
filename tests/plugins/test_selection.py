"""PackSelection and PackSettings: choices of distributions, the environment, pyproject.toml."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from plugrad.errors import PackSelectionError
from plugrad.plugins.selection import PackSelection, PackSettings


@pytest.mark.parametrize(
    ("choice", "allowed", "refused"),
    [
        ("all", ["a", "b"], []),
        ("none", [], ["a", "b"]),
        ("a", ["a", "A"], ["b"]),
        (" a , b_c ", ["a", "B-C", "b.c"], ["d"]),
        ("-a", ["b"], ["a"]),
        ("-a,-b", ["c"], ["a", "b"]),
        (["a", "b"], ["a", "b"], ["c"]),
        (["none"], [], ["a"]),
    ],
)
def test_what_a_choice_allows(choice, allowed, refused):
    selection = PackSelection.parse(choice, "a test")
    assert [name for name in allowed + refused if selection.allows(name)] == allowed


def test_without_a_choice_all_may_load():
    assert PackSelection().allows("anything")


@pytest.mark.parametrize("choice", ["", "a,", "-", "a,-b", "all,a", "none,-a", "-none", [], [3]])
def test_what_is_no_choice(choice):
    with pytest.raises(
        PackSelectionError, match="not a valid pack selection\n  where: a test\n  fix: say"
    ):
        PackSelection.parse(choice, "a test")


@pytest.fixture(autouse=True)
def project(tmp_path, monkeypatch):
    """A folder inside a project, and nothing set."""
    monkeypatch.delenv("PLUGRAD_PACKS", raising=False)
    monkeypatch.delenv("PLUGRAD_STRICT", raising=False)
    inner = tmp_path / "inner"
    inner.mkdir()
    monkeypatch.chdir(inner)

    def write(text, folder=tmp_path):
        (folder / "pyproject.toml").write_text(text)

    return write


def allowed(settings):
    return [name for name in ("a", "b") if settings.selection.allows(name)]


def test_without_any_setting_all_load_and_nothing_is_strict():
    assert PackSettings.read() == PackSettings()
    assert allowed(PackSettings.read()) == ["a", "b"]


def test_the_next_pyproject_upwards_that_has_the_table(project, tmp_path):
    project('[tool.plugrad]\npacks = ["a"]\nstrict = true\n')
    settings = PackSettings.read()
    assert (allowed(settings), settings.strict) == (["a"], True)
    assert settings.selection.made_by == f"[tool.plugrad] of {tmp_path / 'pyproject.toml'}"
    project('[project]\nname = "plugrad-x"\n', tmp_path / "inner")
    assert allowed(PackSettings.read()) == ["a"]
    project('[tool.plugrad]\npacks = "-a"\n', tmp_path / "inner")
    settings = PackSettings.read()
    assert (allowed(settings), settings.strict) == (["b"], False)


def test_the_environment_goes_before_the_project(project, monkeypatch):
    project('[tool.plugrad]\npacks = ["a"]\nstrict = true\n')
    monkeypatch.setenv("PLUGRAD_PACKS", "none")
    monkeypatch.setenv("PLUGRAD_STRICT", "0")
    settings = PackSettings.read()
    assert (allowed(settings), settings.strict) == ([], False)
    assert settings.selection.made_by == "the environment variable PLUGRAD_PACKS"
    monkeypatch.setenv("PLUGRAD_STRICT", "1")
    assert PackSettings.read().strict


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[tool.plugrad]\npack = 'none'", "no setting 'pack'[\\s\\S]*fix: did you mean packs"),
        ("[tool.plugrad]\npacks = 3", "packs = 3 and [\\s\\S]*fix: write packs ="),
        ("[tool.plugrad]\nstrict = 'yes'", "strict = 'yes' are not understood"),
        ("[tool.plugrad]\npacks = 'a,-b'", "not a valid pack selection[\\s\\S]*pyproject.toml"),
        ("[tool.plugrad", "it is not TOML[\\s\\S]*fix: correct it, or set PLUGRAD_PACKS and"),
        (f"plugrad = {'[' * 10**5}", "it is not TOML[\\s\\S]*fix: correct it"),
        ("[tool]\nplugrad = 'none'", "tool.plugrad is not a table[\\s\\S]*fix: correct it"),
        ("[[tool.plugrad]]", "tool.plugrad is not a table"),
        ("tool = 3 # plugrad", "tool.plugrad is not a table"),
    ],
)
def test_settings_that_are_not_understood(project, text, message):
    project(text)
    with pytest.raises(PackSelectionError, match=message):
        PackSettings.read()


def test_other_projects_files_are_not_even_parsed(project):
    project("[tool.other")
    assert PackSettings.read() == PackSettings()


def test_an_environment_that_is_not_understood(monkeypatch):
    monkeypatch.setenv("PLUGRAD_STRICT", "yes")
    with pytest.raises(
        PackSelectionError, match="PLUGRAD_STRICT is 'yes'[\\s\\S]*fix: set it to 1"
    ):
        PackSettings.read()


def test_python_3_10_without_a_parser(project, monkeypatch):
    project("[tool.plugrad]\npacks = 'none'")
    monkeypatch.setitem(sys.modules, "tomllib" if sys.version_info >= (3, 11) else "tomli", None)
    with pytest.raises(PackSelectionError, match="cannot read TOML[\\s\\S]*fix: pip install tomli"):
        PackSettings.read()


@pytest.mark.parametrize("content", [b"name = '\xf6'", b"[tool.plugrad"])
def test_a_file_that_cannot_be_read_is_got_past_with_the_environment(
    tmp_path, monkeypatch, content
):
    (tmp_path / "pyproject.toml").write_bytes(content)
    with pytest.raises(
        PackSelectionError, match=r"pyproject.toml\n.*or set PLUGRAD_PACKS and PLUG"
    ):
        PackSettings.read()
    chosen = PackSelection.parse("none", "a test")
    assert PackSettings.read(chosen).selection == chosen
    monkeypatch.setenv("PLUGRAD_PACKS", "a")
    with pytest.raises(PackSelectionError):  # is it strict?
        PackSettings.read()
    monkeypatch.setenv("PLUGRAD_STRICT", "0")
    assert allowed(PackSettings.read()) == ["a"]


def test_a_folder_that_may_not_be_looked_into(monkeypatch):
    def refuse(path):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "is_file", refuse)
    with pytest.raises(
        PackSelectionError, match=r"cannot be read: \[Errno 13\][\s\S]*fix: correct"
    ):
        PackSettings.read()


def test_a_byte_order_mark_is_no_fault(tmp_path):
    text = "\ufeff[tool.plugrad]\npacks = 'a'\n"
    (tmp_path / "pyproject.toml").write_text(text, encoding="utf-8")
    assert allowed(PackSettings.read()) == ["a"]
