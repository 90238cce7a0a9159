"""python: programs in processes of their own, most of which need not import torch again."""

from __future__ import annotations

import atexit
import functools
import json
import os
import select
import signal
import subprocess
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

_SERVER = Path(__file__).with_name("python_server.py")


def python(*arguments, cwd=None, env=None, timeout=300, preloaded=("torch",)):
    """Run ``python *arguments``: its exit status, and what it printed.

    It starts as a copy of a process that has imported some modules, as a rule torch, which
    takes most of a start. Where the system cannot copy a process, or Python is given options or
    variables of its own that a copy cannot have, it starts from nothing, as ``fresh_python`` does.

    Args:
        arguments: ``-c CODE``, ``-m MODULE`` or a file, and what follows.
        cwd: the folder; the present one unless given.
        env: all its variables; those of this process unless given.
        timeout: seconds.
        preloaded: the modules that are imported before.

    Raises:
        subprocess.TimeoutExpired: it took longer; it is ended.
    """
    arguments = [str(argument) for argument in arguments]
    program = _understood(arguments, cwd or Path.cwd())
    if program is None or _sets_python(env or {}) or not hasattr(os, "fork"):
        return fresh_python(*arguments, cwd=cwd, env=env, timeout=timeout)
    return _server(preloaded).run(program, env or os.environ, timeout)


def fresh_python(*arguments, cwd=None, env=None, timeout=300):
    """The same from nothing: for what is said of imports, options and signals."""
    return subprocess.run(
        [sys.executable, *map(str, arguments)],
        cwd=cwd,
        env=env,
        capture_output=True,
        text=True,
        timeout=timeout,
        check=False,
    )


def _sets_python(env):
    """Whether variables are set that Python reads at its start, but for those set here."""
    new = {name for name, value in env.items() if os.environ.get(name) != value}
    return any(name.startswith("PYTHON") for name in new - {"PYTHONPATH"})


@functools.cache
def _server(preloaded):
    server = _Server(preloaded)
    atexit.register(server.close)
    return server


class _Server:
    """A process with modules imported, of which each program is a copy."""

    def __init__(self, preloaded):
        self._folder = TemporaryDirectory()
        kept = {n: value for n, value in os.environ.items() if not n.startswith("PYTEST")}
        self._process = subprocess.Popen(
            [sys.executable, str(_SERVER), *preloaded],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=kept | {"OMP_NUM_THREADS": "1"},
        )
        self._read = b""
        assert self._line(time.monotonic() + 300) == "ready"

    def close(self):
        """End the process."""
        self._process.stdin.close()
        self._process.wait(timeout=60)
        self._process.stdout.close()
        self._folder.cleanup()

    def run(self, program, env, timeout):
        """Run a program, as ``_understood`` has it."""
        out, err = (Path(self._folder.name) / name for name in ("out", "err"))
        out.write_bytes(b"")
        err.write_bytes(b"")
        program |= {"env": dict(env), "path": env.get("PYTHONPATH", "")}
        program |= {"in": os.devnull, "out": str(out), "err": str(err)}
        self._process.stdin.write(json.dumps(program).encode() + b"\n")
        self._process.stdin.flush()
        deadline = time.monotonic() + timeout
        child = int(self._line(deadline))
        status = self._line(deadline)
        if status is None:
            os.killpg(child, signal.SIGKILL)
            self._line(time.monotonic() + 60)
            told = out.read_text(), err.read_text()
            raise subprocess.TimeoutExpired(program["argv"], timeout, *told)
        told = out.read_text(), err.read_text()
        return subprocess.CompletedProcess(program["argv"], int(status), *told)

    def _line(self, deadline):
        """The next line that the process prints; None if it does not come in time."""
        pipe = self._process.stdout.fileno()
        while b"\n" not in self._read:
            if not select.select([pipe], [], [], max(0, deadline - time.monotonic()))[0]:
                return None
            more = os.read(pipe, 4096)
            assert more, "the process that runs programs has ended"
            self._read += more
        line, _, self._read = self._read.partition(b"\n")
        return line.decode()


def _understood(arguments, cwd):
    """What ``python *arguments`` runs, as the server takes it; None if a copy cannot run it."""
    actions = arguments[1:2] if arguments[0] == "-W" else []
    kind, *rest = arguments[2 * len(actions) :]
    if kind in ("-c", "-m"):
        what, *rest = rest
        first = "" if kind == "-c" else cwd
        argv = [kind, *rest]
    elif kind.startswith("-"):
        return None
    else:
        kind, what, argv = "file", kind, [kind, *rest]
        first = Path(cwd, what).parent
    program = {"kind": kind, "what": what, "argv": argv, "warnings": actions}
    return program | {"cwd": str(cwd), "first": str(first)}
