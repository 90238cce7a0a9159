"""``plugrad NAME-OF-A-PACK COMMAND``: the commands that packs add."""

from __future__ import annotations

import pytest

pytest.importorskip("typer")
from plugrad.tests.cli.site_commands import site_commands
from plugrad.tests.cli.tab import tab
from plugrad.tests.plugins.site import Site, pack_of

ADDS = """
@pg.hookimpl
def plugrad_add_commands(app):
    @app.command()
    def count(to: int = 3, json: bool = False):
        '''Count, to see that it works.'''
        print(*range(to), json)
"""
#: The code of packs whose commands cannot be had, and what is said of it.
BROKEN = {
    "raises": (
        "@pg.hookimpl\ndef plugrad_add_commands(app):\n    1 / 0\n",
        "Warning: plugrad_add_commands of the pack raises raised ZeroDivisionError",
    ),
    "exits": (
        "@pg.hookimpl\ndef plugrad_add_commands(app):\n    raise SystemExit(3)\n",
        "Warning: plugrad_add_commands of the pack exits raised SystemExit: 3",
    ),
    "mistyped": (
        ADDS.replace("to: int", "to: 'Missing'"),
        "Warning: the commands of the pack mistyped are left out: NameError: name 'Missing'",
    ),
}


@pytest.fixture
def site(tmp_path):
    made = Site(tmp_path)
    made.install("sea", "print('noise')\n" + pack_of("wave") + ADDS)
    return made


def test_a_packs_command_is_run_with_its_options(site):
    found = site_commands(site, "sea count", "sea count --to 2 --json")
    assert [one[:2] for one in found] == [(0, "0 1 2 False\n"), (0, "0 1 True\n")]


#: A pack that ends whatever imports it, and leaves a trace.
DEADLY = "import os\nopen('sprung', 'w').close()\nos._exit(7)\n"


def test_help_names_the_packs_that_may_add_some(site):
    site.install("off", pack_of("switched"))
    site.install("packs", pack_of("wind") + ADDS)  # plugrad packs is another command
    whole, group, command, bare = site_commands(
        site, "--help", "sea --help", "sea count --help", "sea", PLUGRAD_PACKS="sea,packs"
    )
    assert whole[0] == group[0] == command[0] == 0
    told = " ".join(whole[1].split())
    assert "Packs may add commands: plugrad PACK --help (installed: sea)" in told
    assert "\n  count  Count, to see that it works.\n" in group[1]
    assert "--to <int>" in command[1]
    assert bare == (2, "", group[1])


@pytest.mark.parametrize(
    ("command", "status"), [("--help", 0), ("", 2), ("pakcs", 2), ("dedly go", 2)]
)
def test_help_and_a_mistyped_command_run_no_code_of_a_pack(site, command, status):
    site.install("deadly", DEADLY)
    (found,) = site_commands(site, command)
    assert found[0] == status
    assert not (site.work / "sprung").exists()
    if command in ("--help", ""):
        assert "(installed: deadly, sea)" in " ".join(f"{found[1]}{found[2]}".split())
    else:
        meant = {"pakcs": "packs", "dedly go": "deadly"}[command]
        name = command.partition(" ")[0]
        assert f"Error: there is no command '{name}'\n  fix: did you mean {meant}?" in found[2]
        assert "plugrad --help lists the commands" in found[2]


def test_without_packs_help_says_nothing_of_them(tmp_path):
    ((status, told, _),) = site_commands(Site(tmp_path), "--help")
    assert status == 0
    assert "Packs may add" not in told


def test_what_a_command_prints_is_all_that_is_on_its_output(site):
    """A pack that prints as it is imported must not spoil a command's JSON."""
    ((status, output, _),) = site_commands(site, "sea count --to 1")
    assert (status, output) == (0, "0 False\n")


@pytest.mark.parametrize("name", BROKEN)
def test_one_that_is_broken_keeps_nobody_else_from_theirs(site, name):
    code, message = BROKEN[name]
    site.install(name, pack_of("wind") + code)
    broken, other, own = site_commands(site, f"{name} go", "sea count", "packs --json")
    assert broken[:2] == (2, "")
    assert message in broken[2]
    assert f"Error: the pack {name} adds no commands\n  fix: " in broken[2]
    assert other[:2] == (0, "0 1 2 False\n")
    assert own[0] == 0
    assert '"name": "sea"' in own[1]


def test_asking_for_commands_that_are_not_there(site):
    site.install("dull", pack_of("wind"))
    site.install("bad", "1 / 0")
    site.install("off", pack_of("switched"))
    dull, bad, off, unknown, other = site_commands(
        site, "dull go", "bad go", "off go", "se count", "sea cuont",
        PLUGRAD_PACKS="sea,dull,bad",
    )  # fmt: skip
    assert {one[:2] for one in (dull, bad, off, unknown, other)} == {(2, "")}
    assert "Error: the pack dull adds no commands\n  fix: plugrad ops --pack dull" in dull[2]
    assert bad[2].startswith("Error: the pack bad is set aside\n")
    assert "  because: ZeroDivisionError: division by zero\n" in bad[2]
    assert "fix: plugrad doctor shows the traceback" in bad[2]
    assert off[2].startswith("Error: the pack off is switched off\n")
    assert "Error: there is no command 'se'\n  fix: did you mean sea?" in unknown[2]
    assert "Error: No such command 'cuont'. Did you mean 'count'?" in other[2]


def test_a_wrong_setting_is_told_and_help_goes_on(site):
    whole, command = site_commands(site, "--help", "sea count", PLUGRAD_PACKS="a,-b")
    assert whole[0] == 0
    assert "\nCommands:\n  check " in whole[1]
    assert command[:2] == (2, "")
    for one in (whole, command):
        assert one[2].startswith("Error: 'a,-b' is not a valid pack selection\n")


def test_a_setting_that_names_no_pack_is_told_and_the_command_runs(site):
    ((status, output, errors),) = site_commands(site, "sea count", PLUGRAD_PACKS="sea,se")
    assert (status, output) == (0, "0 1 2 False\n")
    assert "Warning: no distribution named 'se' with a pack is installed\n" in errors


def test_an_own_command_loads_no_pack_for_its_name(site):
    site.install("trap", "open('sprung', 'w')\n" + pack_of("wind") + ADDS)
    ((status, _, _),) = site_commands(site, "packs --no-load")
    assert status == 0
    assert not (site.work / "sprung").exists()


def test_completion_imports_no_pack(site):
    site.install("trap", "open('sprung', 'w')\n" + pack_of("wind") + ADDS)
    assert "doctor" in tab(site, "plugrad", "")[0]
    tab(site, "plugrad", "trap", "")
    assert not (site.work / "sprung").exists()
