"""Packs that print, and packs to warn of: a command's output stays what it is."""

from __future__ import annotations

import contextlib
import json
import os

import pytest

pytest.importorskip("typer")
pytest.importorskip("rich")
from plugrad.cli.output_to_errors import output_to_errors
from plugrad.tests.cli.site_commands import site_commands
from plugrad.tests.plugins.site import Site, pack_of

#: It prints by all means, and whenever it is asked for anything.
NOISY = (
    "import ctypes, os, subprocess, sys\n"
    "def shout(when):\n"
    "    print('print', when)\n"
    "    print('__stdout__', when, file=sys.__stdout__)\n"
    "    ctypes.CDLL(None).printf(f'printf {when}\\n'.encode())\n"
    "    os.write(1, f'write {when}\\n'.encode())\n"
    "shout('import')\n"
    "subprocess.run([sys.executable, '-c', 'print(\"a process\")'])\n"
    + pack_of("wave")
    .replace("        return x * 2\n", "        shout('forward')\n        return x * 2\n")
    .replace("        yield Sample", "        shout('samples')\n        yield Sample")
    + "@pg.hookimpl\ndef plugrad_op_registered(op):\n    shout('registered')\n"
    "@pg.hookimpl\ndef plugrad_register_checks(laws, faults):\n    shout('checks')\n"
)
JSON = [
    "packs --json",
    "ops --json",
    "show sea::wave --json",
    "check sea:: --json -",
    "check sea::wave sin --law runs --sample 0 --jobs 2 --json -",
    "strength sea:: --fault scaled --json -",
    "doctor --json",
]


@pytest.mark.slow
@pytest.mark.parametrize("command", JSON)
def test_json_is_all_that_is_on_the_output(tmp_path, command):
    site = Site(tmp_path)
    site.install("sea", NOISY)
    # In a process of its own: only there is the output a pipe.
    output, errors = site.run(
        "import subprocess, sys, json\n"
        f"done = subprocess.run([sys.executable, '-m', 'plugrad', *{command.split()!r}],\n"
        "    capture_output=True, text=True)\n"
        "print(json.dumps([done.stdout, done.stderr]))\n",
        PYTHONUNBUFFERED="",  # so that C's own buffer is in use
    )
    output, errors = json.loads(output)
    json.loads(output)
    for noise in (
        "print import\n",
        "__stdout__ import\n",
        "write import\n",
        "printf import\n",
        "a process\n",
    ):
        assert noise in errors, errors


@pytest.fixture(scope="module")
def broken(tmp_path_factory):
    site = Site(tmp_path_factory.mktemp("broken"))
    site.install("bad", "1 / 0")
    site.install("sea", pack_of("wave"))
    return site


@pytest.mark.parametrize(
    "command",
    [
        "check sea:: --law runs",
        "check sea:: --law runs --json -",
        "check sea:: --law no-such-law",
        "strength sea:: --fault scaled",
        "ops --pack sea",
        "show sea::wave",
    ],
)
def test_what_is_wrong_with_packs_is_told_as_a_command_tells_it(broken, command):
    ((_, _, errors),) = site_commands(broken, command, PLUGRAD_PACKS="bad,sea,garbage")
    lines = errors.splitlines()
    told = "Warning: the pack bad of bad 1.0 is set aside: ZeroDivisionError: division by zero"
    assert told in lines
    assert "Warning: no distribution named 'garbage' with a pack is installed" in lines
    assert "PackWarning" not in errors


def test_a_closed_output_is_no_matter(monkeypatch):
    def closed(descriptor):
        raise OSError(9, "Bad file descriptor")

    monkeypatch.setattr(os, "dup", closed)
    with output_to_errors():
        print("lost or not")


def test_it_is_undone(capfd):
    print("before")
    with contextlib.suppress(ZeroDivisionError), output_to_errors():
        print("print")
        os.write(1, b"write\n")
        raise ZeroDivisionError
    print("after")
    os.write(1, b"after that\n")
    output, errors = capfd.readouterr()
    assert set(output.splitlines()) == {"before", "after", "after that"}
    assert set(errors.splitlines()) == {"print", "write"}
