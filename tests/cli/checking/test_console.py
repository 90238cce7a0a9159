"""Tables: nothing is cut, and where the terminal is narrow they are folded."""

from __future__ import annotations

import io
import os
import re

import pytest

pytest.importorskip("rich")
from rich.console import Console
from rich.table import Table
from rich.text import Text

from plugrad.cli.checking.console import folded, print_table
from plugrad.cli.describing.pack_facts import print_packs
from plugrad.tests.python_process import python

ERROR = "ValueError: " + "a long story, " * 20 + "the end"


def a_console(*, terminal, width=80):
    return Console(
        file=io.StringIO(), force_terminal=terminal, width=width, color_system=None,
        highlight=False, markup=False, soft_wrap=True,
    )  # fmt: skip


def lines(out):
    return [line.rstrip() for line in out.file.getvalue().splitlines()]


def a_table(*rows):
    table = Table(box=None, pad_edge=False)
    for name in ("op", "pack", "formula"):
        table.add_column(name, no_wrap=True)
    for row in rows:
        table.add_row(*map(Text, row))
    return table


def facts(name="sea", error=None):
    return {
        "name": name, "distribution": "a-distribution-of-a-long-name", "version": "1.0.dev12345",
        "module": "a_distribution_of_a_long_name.plugin", "api": None, "ops": 12,
        "status": "set aside" if error else "loaded", "load_time": 0.25,
        "error": error and {"what": error, "fix": "none"},
    }  # fmt: skip


@pytest.fixture(autouse=True)
def no_width(monkeypatch):
    monkeypatch.delenv("COLUMNS", raising=False)
    monkeypatch.delenv("LINES", raising=False)


def words(text):
    return sorted(text.split())


@pytest.mark.parametrize("prose", [False, True])
def test_in_a_pipe_nothing_is_folded(prose):
    out = a_console(terminal=False)
    print_table(out, a_table(("n" * 90, "p", "f" * 3000)), prose=prose)
    assert lines(out)[1] == f"{'n' * 90}  p     {'f' * 3000}"


@pytest.mark.parametrize(("columns", "lines_"), [("0", "9"), ("wide", "9"), ("80", "24")])
def test_what_nobody_chose_is_no_width(columns, lines_, monkeypatch):
    monkeypatch.setenv("COLUMNS", columns)
    monkeypatch.setenv("LINES", lines_)
    assert folded("a word " * 40) == "a word " * 40


def test_text_is_folded_between_words(monkeypatch):
    monkeypatch.setenv("COLUMNS", "20")
    assert folded("name    one two three four\nshort", hang=8) == (
        "name    one two\n        three four\nshort"
    )
    assert folded("  " + "x" * 30 + " y") == "x" * 30 + "\ny"


def test_a_last_column_of_text_gets_what_is_left():
    out = a_console(terminal=True)
    formula = "y = the sum of all elements of x along dim, which is kept if keepdim is true"
    print_table(out, a_table(("n" * 30, "pack", formula), ("n", "p", "short")), prose=True)
    _, first, *rest, last = lines(out)
    assert first.startswith(f"{'n' * 30}  pack  y = the sum of all elements of x")
    assert words(" ".join([first, *rest])) == words(f"{'n' * 30} pack {formula}")
    assert last.split() == ["n", "p", "short"]
    assert max(map(len, lines(out))) <= 80
    assert out.width == 80


@pytest.mark.parametrize("width", [1, 20, 40, 60])
def test_where_no_room_is_left_each_row_is_a_block(width):
    out = a_console(terminal=True, width=width)
    print_table(out, a_table(("n" * 50, "pack", "y = x and more of it " * 9)), prose=True)
    first, pack, *formula = lines(out)
    assert first == "n" * 50
    assert words(" ".join([pack, *formula])) == words(
        "pack pack formula" + " y = x and more of it" * 9
    )
    if width >= 40:
        assert max(map(len, [pack, *formula])) <= width
        assert pack == "  pack     pack"


def test_columns_that_do_not_fit_come_below_with_the_name():
    out = a_console(terminal=True, width=20)
    print_table(out, a_table(("sin", "123456789", "12345"), ("cosh", "1", "2")))
    assert lines(out) == [
        "op    pack", "sin   123456789", "cosh  1", "",
        "op    formula", "sin   12345", "cosh  2",
    ]  # fmt: skip


def test_what_fits_is_left_alone():
    out = a_console(terminal=True)
    print_table(out, a_table(("n", "p", "f" * 60)), prose=True)
    assert lines(out)[1].endswith("f" * 60)


@pytest.mark.slow
@pytest.mark.parametrize(
    "command",
    ["ops", "packs", "packs --no-load", "show sum", "show torch.cov", "check sin add", "doctor",
     "strength sin", "explain", "explain complex dropped", "check --help", "--help"],
)  # fmt: skip
def test_every_command_keeps_to_60_columns(command, monkeypatch):
    environment = {**os.environ, "COLUMNS": "60", "PLUGRAD_PACKS": "none"}
    done = python("-m", "plugrad", *command.split(), env=environment)
    assert done.returncode == 0, done.stderr
    wide = [line for line in done.stdout.splitlines() if len(line) > 60]
    # A command in an example can be copied, so it stays one line.
    wide = [line for line in wide if len(line) > 64 or not re.match(r"  plugrad (?!.*  )", line)]
    assert all(len(line.split()) == 1 or line.startswith("    ") for line in wide), wide


def test_packs_in_a_pipe_have_all_of_the_error_in_their_row():
    out = a_console(terminal=False)
    print_packs(out, [facts(), facts("bad", ERROR)])
    header, sea, bad = lines(out)
    assert header.endswith("  load time  what is wrong")
    assert sea.endswith("  0.25 s")
    assert bad.endswith(f"  set aside     0.25 s  {ERROR}")


def test_packs_on_a_terminal_have_it_below():
    out = a_console(terminal=True, width=130)
    print_packs(out, [facts(), facts("bad", "line\nanother [link]")])
    header, sea, bad, wrong = lines(out)
    assert header.endswith("  load time")
    names = ["a-distribution-of-a-long-name", "1.0.dev12345"]
    module = "a_distribution_of_a_long_name.plugin"
    assert sea.split()[:4] == ["sea", *names, module]
    assert bad.split()[:4] == ["bad", *names, module]
    assert bad.endswith("set aside     0.25 s")
    assert wrong == "bad of a-distribution-of-a-long-name: line another [link]"


def test_ops_on_a_terminal_keep_their_names(monkeypatch):
    pytest.importorskip("typer")
    import plugrad as pg
    from plugrad.cli import ops

    out = a_console(terminal=True)
    monkeypatch.setattr(ops, "console", lambda: out)
    ops.ops(pack="plugrad", json=False)
    entries = [entry for entry in pg.registry if entry.pack == "plugrad"]
    titles = [line for line in lines(out) if not line.startswith(" ")]
    assert titles == [entry.name for entry in entries]
    assert lines(out).count("  pack      plugrad") == len(entries)
    assert max(map(len, lines(out))) <= 80
