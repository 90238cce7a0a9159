"""A copy of a process with torch behaves as a process that starts from nothing."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from plugrad.tests.python_process import fresh_python, python

needs_fork = pytest.mark.skipif(not hasattr(os, "fork"), reason="every process is a fresh one")
PROGRAM = """
import os, sys
print(sys.argv, sys.path[:2], os.getcwd(), __name__, sys.stdin.read(), os.environ.get("OWN"))
"""
FAILS = """
def inner():
    raise KeyError(3)


inner()
"""
PROGRAMS = {
    "arguments": PROGRAM,
    "an error": FAILS,
    "no syntax": "x =",
    "a message": "import sys; sys.exit('because')",
    "a status": "raise SystemExit(7)",
    "at the end": "import atexit; atexit.register(print, 'end'); raise SystemExit(3)",
    "a thread": "import threading as t; t.Timer(0.1, print, [1]).start(); print(0)",
    "from C": "import ctypes; ctypes.CDLL(None).printf(b'printed')",
    "killed": "import os; os.kill(os.getpid(), 9)",
    "warns": "import warnings; warnings.warn('careful')",
}


def told(done):
    return done.returncode, done.stdout, done.stderr


@pytest.mark.parametrize("code", PROGRAMS.values(), ids=PROGRAMS)
def test_a_program_does_the_same(code, tmp_path):
    options = {"cwd": tmp_path, "env": os.environ | {"OWN": "1", "PYTHONPATH": "elsewhere"}}
    (tmp_path / "program.py").write_text(code)
    for way in (["-c", code], ["-W", "error", "-c", code], ["program.py"], ["-m", "program"]):
        copied, fresh = (run(*way, "x", **options) for run in (python, fresh_python))
        # A traceback has the lines of runpy with -m, and since Python 3.13 those of -c.
        if "-m" in way or ("-c" in way and sys.version_info >= (3, 13)):
            assert copied.returncode == fresh.returncode
        else:
            assert told(copied) == told(fresh)


@needs_fork
def test_torch_is_imported_before():
    code = "import sys; print('torch' in sys.modules, 'plugrad' in sys.modules)"
    assert python("-c", code).stdout == "True False\n"
    assert fresh_python("-c", code).stdout == "False False\n"


@needs_fork
def test_one_that_takes_too_long_is_ended():
    with pytest.raises(subprocess.TimeoutExpired) as caught:
        python("-c", "print(1, flush=True); import time; time.sleep(60)", timeout=0.5)
    assert caught.value.output == "1\n"
    assert python("-c", "print(2)").stdout == "2\n"


def test_other_options_and_variables_are_pythons():
    said = python("-c", "print('\u00e9')", env=os.environ | {"PYTHONIOENCODING": "ascii"}).stderr
    assert "UnicodeEncodeError: 'ascii'" in said
    assert python("-I", "-c", "import sys; print(sys.flags.isolated)").stdout == "1\n"


def test_a_fresh_one_is_this_python():
    assert fresh_python("-c", "import sys; print(sys.executable)").stdout.strip() == sys.executable
