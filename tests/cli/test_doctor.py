"""``plugrad doctor`` as a user runs it."""

from __future__ import annotations

import json
import sys

import pytest

pytest.importorskip("typer")
pytest.importorskip("rich")
import torch
from typer.testing import CliRunner

import plugrad as pg
from plugrad.cli.app import app
from plugrad.plugins.absent import AbsentOp
from plugrad.tests.plugins.bad_packs import BAD_PACKS
from plugrad.tests.plugins.site import GOOD, Site, pack_of

pytestmark = pytest.mark.slow  # it loads the packs in a process of their own

DOCTOR = ("-m", "plugrad", "doctor")


def doctor(site, *arguments, status=1, **environment):
    stdout, stderr = site.run(options=(*DOCTOR, *arguments), status=status, **environment)
    return (json.loads(stdout) if "--json" in arguments else stdout), stderr


def finding(told, start):
    """The one finding that begins like this."""
    (found,) = [one for one in told["findings"] if one["what"].startswith(start)]
    return found


def test_nothing_is_wrong(tmp_path):
    site = Site(tmp_path)
    site.install("sea", pack_of("wave"))
    told, stderr = doctor(site, status=0)
    assert stderr == ""
    lines = told.splitlines()
    assert lines[0] == "environment"
    assert lines[1].split() == ["python", sys.version.split()[0], f"({sys.executable})"]
    assert lines[2].split()[:2] == ["torch", str(torch.__version__)]
    assert lines[2].endswith("; plugrad needs >=2.6")
    assert lines[3].split()[:2] == ["plugrad", pg.__version__]
    assert any(line.split() == ["extra", "cli", "installed"] for line in lines)
    assert any(line.split() == ["PLUGRAD_PACKS", "sea"] for line in lines)
    assert any(line.split() == ["PLUGRAD_STRICT", "not", "set"] for line in lines)
    assert any(line.split()[:6] == ["sea", "sea", "1.0", "sea", "v1", "1"] for line in lines)
    assert lines[-1] == "nothing is wrong"


def test_absent_ops_are_told_and_are_not_wrong(monkeypatch):
    absent = AbsentOp("nn.functional.soften", (), (), "torch.soften", "soften.py, line 9")
    monkeypatch.setattr(pg.registry, "absent", {absent.name: absent})
    why = f"torch {torch.__version__} does not have torch.soften"
    monkeypatch.setattr("plugrad.core.installed_torch._INSTALLED", (2, 13))
    fix = "use a torch that has torch.soften: pip install --upgrade torch"
    done = CliRunner().invoke(app, ["doctor"])
    assert done.exit_code == 0
    assert (
        "\nbuilt-in ops that this torch is too old or too new for\n"
        f"  nn.functional.soften: {why} (soften.py, line 9)\n"
        f"    fix: {fix}\n"
        "\npacks\n"
    ) in done.stdout
    done = CliRunner().invoke(app, ["doctor", "--json"])
    (told,) = json.loads(done.stdout)["absent ops"]
    assert told == {"op": absent.name, "what": why, "where": "soften.py, line 9", "fix": fix}


def test_whatever_is_wrong(tmp_path):
    site = Site(tmp_path)
    site.install("bad", BAD_PACKS["raises on import"][0])
    site.install("old", GOOD, api="v0")
    site.install("sea", "print('waves')\n" + pack_of("wave"), api=None)
    site.install("air", pack_of("wave"))
    site.install("sun", pack_of("sin"))
    told, stderr = doctor(site, "--json", PLUGRAD_PACKS="bad,old,sea,air,sun,absent")
    assert "waves" in stderr
    assert told["fine"] is False
    assert told["environment"]["settings"]["in force"] == {
        "packs": "absent, air, bad, old, sea, sun",
        "from": "the environment variable PLUGRAD_PACKS",
        "strict": False,
    }
    status = {pack["name"]: pack["status"] for pack in told["packs"]}
    assert (status["bad"], status["old"], status["sea"]) == ("set aside", "set aside", "loaded")

    bad = finding(told, "the pack bad is set aside: ZeroDivisionError: division by zero")
    assert bad["where"] == "the pack bad of bad 1.0 (module bad)"
    assert bad["fix"] == "show the traceback to its author; PLUGRAD_PACKS=-bad leaves it out"
    assert bad["traceback"].startswith("Traceback (most recent call last):\n")
    assert 'bad.py", line 1, in <module>\n    1 / 0\n' in bad["traceback"]
    old = finding(told, "the pack old is set aside: it was written for the pack API v0")
    assert old["fix"].startswith("upgrade old")
    both = finding(told, "the name 'wave', the method 'wave': claimed by ")
    assert both["what"].endswith("air::wave (air) and sea::wave (sea); neither gets them")
    assert both["fix"].startswith("call x.air.wave() or x.sea.wave(), which always works")
    sin = finding(told, "the name 'sin', the method 'sin'")
    assert sin["what"].endswith("(plugrad.ops.elementwise.sin) and sun::sin (sun); sin gets them")
    absent = finding(told, "no distribution named 'absent' with a pack is installed")
    assert absent["where"] == "the environment variable PLUGRAD_PACKS"
    stated = finding(told, "the pack sea does not state the version of the pack API")
    assert 'sea = "v2"' in stated["fix"]
    assert len(told["findings"]) == 6
    assert all(one["fix"] for one in told["findings"])


@pytest.mark.parametrize(
    ("code", "ending"),
    [
        ("import os\nos.abort()", "the process that loads it ends: signal SIGABRT"),
        ("import os\nos._exit(7)", "the process that loads it ends: exit status 7"),
    ],
)
def test_a_pack_that_ends_the_process(tmp_path, code, ending):
    site = Site(tmp_path)
    site.install("deadly", code)
    site.install("sea", pack_of("wave"))
    told, _ = doctor(site)
    assert f"1. the pack deadly cannot be loaded: {ending}\n" in told
    assert "  where: the pack deadly of deadly 1.0 (module deadly)\n" in told
    assert "  fix: PLUGRAD_PACKS=-deadly leaves it out" in told
    assert any(
        line.split()[:7] == ["sea", "sea", "1.0", "sea", "v1", "1", "loaded"]
        for line in told.splitlines()
    )
    assert told.endswith("\n1 thing is wrong\n")


def test_a_pack_that_hangs(tmp_path):
    site = Site(tmp_path)
    site.install("stuck", "import time\ntime.sleep(600)")
    told, _ = doctor(site, "--json", "--patience", "3")
    finding(told, "the pack stuck cannot be loaded: it did not load within 3 s")


def test_a_setting_that_is_not_understood(tmp_path):
    site = Site(tmp_path)
    site.install("trap", "import pathlib; pathlib.Path('sprung').touch()")
    told, _ = doctor(site, "--json", PLUGRAD_PACKS="a,-b")
    found = finding(told, "'a,-b' is not a valid pack selection")
    assert found["fix"].startswith("say all, none")
    assert told["environment"]["settings"]["in force"] is None
    # What may load is not known, so nothing did.
    assert {pack["status"] for pack in told["packs"] if pack["name"] == "trap"} == {"found"}
    assert not (site.work / "sprung").exists()


def test_settings_of_the_project_and_strict_mode(tmp_path):
    site = Site(tmp_path)
    site.install("bad", BAD_PACKS["raises on import"][0])
    (site.work / "pyproject.toml").write_text('[tool.plugrad]\npacks = ["bad"]\nstrict = true\n')
    stdout, _ = site.run(
        "import os, sys\ndel os.environ['PLUGRAD_PACKS']\nsys.argv[1:] = ['doctor', '--json']",
        "\nfrom plugrad.cli import main\nif __name__ == '__main__': main()",
        status=1,
    )
    told = json.loads(stdout)
    settings = told["environment"]["settings"]
    assert settings["PLUGRAD_PACKS"] is None
    assert settings["[tool.plugrad]"] == str(site.work / "pyproject.toml")
    assert settings["in force"]["strict"] is True
    finding(told, "the pack bad is set aside: ZeroDivisionError")


def test_two_plugrads(tmp_path):
    site = Site(tmp_path)
    other = tmp_path / "elsewhere" / "plugrad"
    other.mkdir(parents=True)
    (other / "__init__.py").write_text("")
    program = f"import sys; sys.path.append({str(other.parent)!r}); sys.argv[1:] = ['doctor']\n"
    run = "from plugrad.cli import main\nif __name__ == '__main__': main()"
    stdout, _ = site.run(program, run, status=1)
    assert f"1. there are two plugrads on the path: {pg.__path__[0]} is imported, but " in stdout
    assert f" is imported, but {other} is there too\n" in stdout
    assert f"  where: sys.path: {other.parent}\n  fix: uninstall one of them" in stdout


@pytest.mark.parametrize("seconds", ["0", "-1", "nan", "inf"])
def test_no_time_is_refused(seconds):
    done = CliRunner().invoke(app, ["doctor", "--patience", seconds])
    assert done.exit_code == 2
    assert f"for --patience: {seconds} s is not enough for a pack to load\n  fix: " in done.stderr
