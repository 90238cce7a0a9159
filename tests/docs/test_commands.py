"""Each command that this repository prints is true: it is run, or its parts are known."""

from __future__ import annotations

import re

import pytest

pytest.importorskip("typer")
pytest.importorskip("rich")
pytest.importorskip("jinja2")

from plugrad.tests.checkout import ROOT
from plugrad.tests.docs.commands.classified import BY_ANOTHER_TEST, MADE, NOT_RUN, RUN
from plugrad.tests.docs.commands.folders import prepared, write
from plugrad.tests.docs.commands.parts import wrong_parts
from plugrad.tests.docs.commands.printed import in_help, on_page, pages
from plugrad.tests.docs.commands.shell import Shell
from plugrad.tests.docs.page import blocks_of

PRINTED = [command for page in pages() for command in on_page(page)] + list(in_help())
#: What a program on the page has printed, and so needs the program.
OF_PROGRAMS = sorted(
    {c for c in PRINTED if c.kind == "output" and re.search(r" \w+\.py:", c.text)},
    key=lambda c: (c.where, c.block, c.text),
)
COMMANDS = sorted({c.text for c in PRINTED})


def classes_of(printed):
    """How this command is known to be true: one way, if all is well."""
    text = printed.text
    ways = [text in RUN, text in BY_ANOTHER_TEST, printed in OF_PROGRAMS]
    ways.append(printed.where in BY_ANOTHER_TEST and printed.kind in ("block", "output"))
    ways.append(any(re.fullmatch(pattern, text, re.DOTALL) for pattern in NOT_RUN))
    return sum(ways)


def test_there_are_commands_of_each_kind():
    kinds = {kind: sum(c.kind == kind for c in PRINTED) for kind in ("block", "inline", "help")}
    assert min(kinds.values()) > 30
    assert len(OF_PROGRAMS) > 2


def test_each_command_is_classified():
    lost = {f"{c.text}   ({c.where})" for c in PRINTED if not classes_of(c)}
    assert not lost, "put it into tests/docs/commands/classified.py:\n" + "\n".join(sorted(lost))


def test_nothing_is_classified_that_is_not_printed():
    known = {*COMMANDS, *pages()}
    assert not [c for c in (*RUN, *BY_ANOTHER_TEST) if c not in known]
    unused = [p for p in NOT_RUN if not any(re.fullmatch(p, c, re.DOTALL) for c in COMMANDS)]
    assert not unused


def test_other_tests_of_commands_are_there():
    for command, test in BY_ANOTHER_TEST.items():
        text = (ROOT / test).read_text(encoding="utf-8")
        # It names the page, or the subcommand, or the file that is run.
        name = command if command.endswith(".md") else (*command.split()[1:], command)[0]
        assert name.rpartition("/")[2].partition(".")[0] in text, (command, test)


@pytest.mark.parametrize("command", COMMANDS)
def test_its_parts_are_known(command):
    assert not list(wrong_parts(command, MADE))


# --- running them --------------------------------------------------------------------


@pytest.fixture(scope="module")
def shell(tmp_path_factory):
    return Shell(tmp_path_factory.mktemp("shell"))


@pytest.mark.parametrize(
    "command",
    [
        pytest.param(command, marks=[pytest.mark.slow] if run.slow else [])
        for command, run in RUN.items()
    ],
)
def test_it_does_what_it_says(command, tmp_path, shell):
    run = RUN[command]
    folder, environment = prepared(run.folder, tmp_path, shell)
    done = shell.run(command, folder, run.more, **environment)
    assert done.status == run.status, done
    assert run.says in done.output, done
    assert not [name for name in run.makes if not (folder / name).exists()]


@pytest.mark.parametrize("printed", OF_PROGRAMS, ids=lambda c: c.text)
def test_what_a_program_has_printed_can_be_typed(printed, tmp_path, shell):
    if printed.where in BY_ANOTHER_TEST:
        pytest.skip(f"{BY_ANOTHER_TEST[printed.where]} types it")
    # The program as it was when it printed this.
    so_far = []
    for block in blocks_of(ROOT / printed.where):
        if block.language == "python" and not block.title:
            so_far.append(block.text)
        if printed.text in (block.output or ""):
            break
    write(tmp_path, {"my_ops.py": "\n".join(so_far)})
    done = shell.run(printed.text, tmp_path, PLUGRAD_PACKS="none")
    assert done.status == 1, done
    law = re.search(r"--(?:law|fault) '?([\w-]+)", printed.text)[1]
    assert law in done.output, done
