"""``plugrad packs`` as a user runs it."""

from __future__ import annotations

import json

import pytest

pytest.importorskip("typer")
pytest.importorskip("rich")
from plugrad.tests.cli.site_commands import site_commands
from plugrad.tests.plugins.bad_packs import BAD_PACKS
from plugrad.tests.plugins.site import Site, pack_of

TRAPPED = "import pathlib\npathlib.Path('sprung').touch()\nraise SystemExit('imported')\n"


@pytest.fixture(scope="module")
def done(tmp_path_factory):
    site = Site(tmp_path_factory.mktemp("packs"))
    site.install("sea-of-ops", pack_of("wave"), pack="sea", version="2.5")
    site.install("bad", BAD_PACKS["raises on import"][0], api=None)
    site.install("off", pack_of("switched"))
    commands = ["packs", "packs --json", "packs --strict", "packs --no-load --json"]
    return site_commands(site, *commands, PLUGRAD_PACKS="sea-of-ops,bad")


def row(output, pack):
    """The cells of a pack's line."""
    return next(line.split() for line in output.splitlines() if line.split()[0] == pack)


def test_each_pack_has_a_line(done):
    status, output, errors = done[0]
    assert status == 0
    header = ["pack", "distribution", "version", "module", "API", "ops", "status", "load", "time"]
    assert output.split("\n")[0].split() == [*header, "what", "is", "wrong"]
    cells = row(output, "sea")
    assert cells[:7] == ["sea", "sea-of-ops", "2.5", "sea_of_ops", "v1", "1", "loaded"]
    assert cells[8] == "s"
    assert 0 <= float(cells[7]) < 10
    assert row(output, "bad")[:9] == [
        "bad",
        "bad",
        "1.0",
        "bad",
        "not",
        "stated",
        "-",
        "set",
        "aside",
    ]
    assert "ZeroDivisionError: division by zero" in output
    assert row(output, "off")[5:] == ["-", "switched", "off", "-"]
    assert errors == "set aside: bad (plugrad doctor says why)\n"


def test_json(done):
    status, output, _ = done[1]
    assert status == 0
    told = {pack["name"]: pack for pack in json.loads(output)}
    assert told["sea"].pop("load_time") > 0
    assert told["sea"] == {
        "name": "sea",
        "distribution": "sea-of-ops",
        "version": "2.5",
        "module": "sea_of_ops",
        "api": "v1",
        "ops": 1,
        "status": "loaded",
        "error": None,
    }
    assert told["bad"]["api"] is None
    assert told["bad"]["error"]["what"] == "ZeroDivisionError: division by zero"
    assert told["off"]["status"] == "switched off"


def test_strict_fails_if_one_is_set_aside(done):
    assert done[2][0] == 1


def test_metadata_alone_imports_nothing(tmp_path):
    site = Site(tmp_path)
    site.install("trap", TRAPPED)
    (told,) = site_commands(site, "packs --no-load --json")
    assert told[0] == 0
    (trap,) = [pack for pack in json.loads(told[1]) if pack["name"] == "trap"]
    assert (trap["status"], trap["ops"], trap["load_time"]) == ("found", None, None)
    assert not (site.work / "sprung").exists()
    loaded, strict = site_commands(site, "packs --json", "packs --strict")
    assert (site.work / "sprung").exists()  # the trap works
    assert (loaded[0], strict[0]) == (0, 1)


def test_no_pack_and_a_wrong_setting(tmp_path):
    site = Site(tmp_path)
    wrong = site_commands(site, "packs", "packs --no-load", "ops", PLUGRAD_PACKS="a,-b")
    for status, output, errors in wrong:
        assert (status, output) == (2, "")
        assert errors.startswith("Error: 'a,-b' is not a valid pack selection\n")
        assert "fix: say all, none," in errors


def test_strict_mode_is_an_error_here_too(tmp_path):
    site = Site(tmp_path)
    site.install("bad", BAD_PACKS["raises on import"][0])
    packs, ops = site_commands(site, "packs", "ops", PLUGRAD_STRICT="1")
    assert packs[0] == 1
    assert "set aside" in packs[1]
    assert packs[2] == "set aside: bad (plugrad doctor says why)\n"
    assert ops[0] == 1
    assert ops[2].startswith("Error: ZeroDivisionError: division by zero\n")


def test_a_projects_strict_mode_counts(tmp_path):
    site = Site(tmp_path)
    site.install("bad", BAD_PACKS["raises on import"][0])
    (site.work / "pyproject.toml").write_text("[tool.plugrad]\nstrict = true\n")
    ((strict, _, _),) = site_commands(site, "packs")
    ((lenient, _, _),) = site_commands(site, "packs", PLUGRAD_STRICT="0")
    assert (strict, lenient) == (1, 0)


@pytest.mark.parametrize("strict", ["0", "1"])
def test_a_choice_that_names_no_pack_is_told(tmp_path, strict):
    site = Site(tmp_path)
    site.install("special-ops", pack_of("wave"))
    site.install("bad", BAD_PACKS["raises on import"][0])
    chosen = {"PLUGRAD_PACKS": "bad,specal-ops", "PLUGRAD_STRICT": strict}
    ((_, output, errors),) = site_commands(site, "packs", **chosen)
    assert row(output, "special_ops")[5:] == ["-", "switched", "off", "-"]
    assert "Warning: no distribution named 'specal-ops' with a pack is installed\n" in errors
    assert "  fix: did you mean special-ops?" in errors
    assert "set aside: ZeroDivisionError" not in errors  # the table has it
