"""``plugrad explain`` as a user runs it."""

from __future__ import annotations

import pytest

pytest.importorskip("typer")
pytest.importorskip("rich")
from typer.testing import CliRunner

from plugrad.cli.app import app
from plugrad.testing import LAWS
from plugrad.testing.faults import FAULTS
from plugrad.tests.cli.site_commands import site_commands
from plugrad.tests.plugins.site import Site, pack_of
from plugrad.tests.testing.pack_checks import CHECKS


def run(*arguments):
    return CliRunner().invoke(app, ["explain", *arguments])


def test_a_law_has_all_of_its_page(no_packs):
    done = run("no-nan")
    assert done.exit_code == 0, done.output
    lines = done.stdout.splitlines()
    assert lines[0] == f"no-nan, a law: {LAWS['no-nan'].why}"
    assert "spoils a whole training run." in lines[2] + " " + lines[3]
    assert "family     special points" in lines
    assert "runs       on each sample" in lines
    assert "alone      plugrad check OP --law no-nan" in lines
    assert any(
        line.startswith("judges     plugrad's ops, and torch's Functions, custom ops")
        for line in lines
    )
    assert (
        '@op(..., waives={"no-nan": "why"}), or Sample(...).waive("no-nan", "why")' in done.stdout
    )
    wrong = done.stdout.partition("A wrong op that it catches: ")[2]
    assert '    @pg.op("control::no_nan")' in wrong
    assert "It says:\n\n    0.0 in " in wrong


@pytest.mark.parametrize("law", [law.id for law in LAWS])
def test_every_law_has_a_wrong_op_and_what_it_says(law, no_packs):
    told = run(law).stdout
    assert told.startswith(f"{law}, a law: ")
    wrong, _, said = told.partition("A wrong op that it catches: ")[2].partition("It says:\n\n")
    assert "    " in wrong
    assert said.strip()
    if LAWS[law].whole_op:
        assert "runs       once on the op" in told
        assert "Sample(...).waive(" not in told.partition("A wrong op")[0]


def test_the_command_it_names_works(no_packs):
    line = next(x for x in run("oracle").stdout.splitlines() if x.startswith("alone"))
    words = line.partition("plugrad ")[2].replace("OP", "sin").split()
    assert CliRunner().invoke(app, words).exit_code == 0


def test_what_else_catches_it_is_said(no_packs):
    told = run("determinism").stdout
    assert "Other laws catch it too:\n\n    " in told


def test_a_fault(no_packs):
    fault = FAULTS["dropped"]
    for name in ("dropped", "dropped[y]"):
        lines = run(name).stdout.splitlines()
        assert lines[0] == f"dropped, a fault: {fault.what}"
        assert "changes    the gradient" in lines
        assert "alone      plugrad strength OP --fault dropped" in lines
        assert any(x.startswith("advice     add a sample where ... gets a gradient") for x in lines)


@pytest.mark.parametrize("fault", [fault.id for fault in FAULTS])
def test_every_fault_is_explained(fault, no_packs):
    assert f"{fault}, a fault: {FAULTS[fault].what}" in run(fault).stdout


def test_several(no_packs):
    told = run("oracle", "dropped").stdout
    assert told.startswith("oracle, a law: ")
    assert "\n\n\ndropped, a fault: " in told


def test_without_a_name_all_are_listed_by_family(no_packs):
    told = run().stdout
    lines = told.splitlines()
    for law in LAWS:
        (line,) = (x for x in lines if x.startswith(f"  {law.id} "))
        assert line.endswith(law.why)
    assert lines.index("registration") < lines.index("first order") < lines.index("lifetime")
    for fault in FAULTS:
        assert any(x.startswith(f"  {fault.id} ") and x.endswith(fault.what) for x in lines)
    assert lines[-1] == "plugrad explain LAW or FAULT explains one."


def test_an_unknown_name_is_suggested(no_packs):
    done = run("complx")
    assert done.exit_code == 2
    assert "Error: there is no law or fault 'complx'\n  fix: did you mean complex" in done.stderr
    assert "plugrad explain lists them" in done.stderr


def test_a_law_and_a_fault_of_a_pack(tmp_path):
    site = Site(tmp_path)
    site.install("sea", pack_of("wave") + CHECKS)
    law, fault, listed = site_commands(site, "explain sea-small", "explain sea-huge", "explain")
    assert law[0] == 0
    assert law[1].startswith("sea-small, a law: A gradient is below a hundred.\n")
    assert "A wrong op" not in law[1]
    assert fault[1].startswith("sea-huge, a fault: Every gradient is a million times as large.\n")
    assert "  sea-small " in listed[1]
    assert "  sea-huge " in listed[1]
