"""Tables: nothing is cut in a pipe, and on a terminal only what may be."""

from __future__ import annotations

import io

import pytest

pytest.importorskip("rich")
from rich.console import Console
from rich.table import Table
from rich.text import Text

from plugrad.cli.checking.console import print_table
from plugrad.cli.describing.pack_facts import print_packs

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


@pytest.mark.parametrize("cut_last", [False, True])
def test_in_a_pipe_nothing_is_cut(cut_last):
    out = a_console(terminal=False)
    print_table(out, a_table(("n" * 90, "p", "f" * 3000)), cut_last=cut_last)
    assert lines(out)[1] == f"{'n' * 90}  p     {'f' * 3000}"


def test_on_a_terminal_the_last_column_gets_what_is_left():
    out = a_console(terminal=True)
    print_table(out, a_table(("n" * 30, "pack", "f" * 200), ("n", "p", "short")), cut_last=True)
    assert lines(out)[1] == f"{'n' * 30}  pack  {'f' * 41}…"
    assert len(lines(out)[1]) == 80
    assert lines(out)[2].split() == ["n", "p", "short"]
    assert out.width == 80


@pytest.mark.parametrize("width", [1, 20, 40])
def test_names_stay_whole_however_narrow_the_terminal_is(width):
    out = a_console(terminal=True, width=width)
    print_table(out, a_table(("n" * 90, "pack", "f" * 200)), cut_last=True)
    assert lines(out)[1] == f"{'n' * 90}  pack  {'f' * 19}…"


def test_what_fits_is_left_alone():
    out = a_console(terminal=True)
    print_table(out, a_table(("n", "p", "f" * 60)), cut_last=True)
    assert lines(out)[1].endswith("f" * 60)


def test_packs_in_a_pipe_have_all_of_the_error_in_their_row():
    out = a_console(terminal=False)
    print_packs(out, [facts(), facts("bad", ERROR)])
    header, sea, bad = lines(out)
    assert header.endswith("  load time  what is wrong")
    assert sea.endswith("  0.25 s")
    assert bad.endswith(f"  set aside     0.25 s  {ERROR}")


def test_packs_on_a_terminal_have_it_below():
    out = a_console(terminal=True)
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
    header, *rows = lines(out)
    assert header.split() == ["op", "pack", "category", "formula"]
    names = [entry.name for entry in pg.registry if entry.pack == "plugrad"]
    assert [row.split()[0] for row in rows] == names
    assert all(row.split()[1] == "plugrad" for row in rows)
    beside = 46  # what the other columns take at the least
    assert max(map(len, rows)) <= max(80, max(map(len, names)) + beside)
