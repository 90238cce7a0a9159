"""The command line itself."""

from __future__ import annotations

import pytest

import plugrad as pg
from plugrad.cli.extras import require
from plugrad.cli.interruption import Interruption
from plugrad.tests.python_process import fresh_python


def run(*arguments, code=None):
    start = ["-m", "plugrad"] if code is None else ["-c", code]
    return fresh_python(*start, *arguments)


def test_help_names_the_commands():
    pytest.importorskip("typer")
    done = run("--help")
    assert done.returncode == 0
    assert "demo" in done.stdout


#: The command, which says at its end whether it needed torch.
COMMAND = """
import atexit, sys
atexit.register(lambda: print("torch" in sys.modules, file=sys.stderr))
import plugrad_command
plugrad_command.main()
"""


@pytest.mark.parametrize("arguments", [[], ["--help"], ["--version"]])
def test_help_and_version_do_not_wait_for_torch(arguments):
    pytest.importorskip("typer")
    done = run(*arguments, code=COMMAND)
    shown = done.stdout + done.stderr
    assert f"plugrad {pg.__version__}\n" in shown if "--version" in arguments else "demo" in shown
    assert done.stderr.splitlines()[-1] == "False"


def test_the_version_of_a_checkout_that_is_not_installed(monkeypatch):
    pytest.importorskip("typer")
    from importlib import metadata

    from plugrad.cli import app

    def version(name):
        raise metadata.PackageNotFoundError(name)

    monkeypatch.setattr(metadata, "version", version)
    assert app._version() == pg.__version__


def test_an_unknown_command_is_refused():
    pytest.importorskip("typer")
    done = run("dmo")
    assert done.returncode == 2
    assert "dmo" in done.stderr


@pytest.mark.parametrize("missing", ["typer", "rich", "sklearn", "matplotlib"])
def test_a_missing_extra_is_named(missing):
    code = (
        "import sys, importlib.util as util\n"
        "find = util.find_spec\n"
        f"util.find_spec = lambda name, *rest: None if name == {missing!r} else find(name, *rest)\n"
        "from plugrad.cli import main\n"
        "main()\n"
    )
    done = run("demo", "--epochs", "1", code=code)
    assert done.returncode == 1
    assert missing in done.stderr
    assert "fix: pip install 'plugrad[demo]'" in done.stderr
    assert "Traceback" not in done.stderr


def test_require_lets_pass_what_is_there():
    require("a test", "json")
    with pytest.raises(SystemExit, match="a test needs no_such_module"):
        require("a test", "json", "no_such_module")


def test_the_second_interruption_is_not_put_off():
    import signal

    with Interruption() as interruption:
        assert not interruption.noted
        signal.raise_signal(signal.SIGINT)
        assert interruption.noted
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)
