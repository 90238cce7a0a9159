"""Shell: runs commands where their files are; ``plugrad`` without starting Python each time."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass

from plugrad.tests.docs.commands.parts import simple_commands

#: Longer than any command here should take.
LIMIT = 100.0
#: Imports plugrad once, and for each command goes on in a copy of itself.
_SERVER = """
import json, os, sys
import plugrad.cli.app, plugrad.testing

def become(job):
    os.chdir(job["folder"])
    os.environ.update(job["environment"])
    sys.path[:0] = job["path"]
    for number, name in enumerate(("in", "out", "err")):
        flags = os.O_RDONLY if name == "in" else os.O_WRONLY | os.O_CREAT | os.O_TRUNC
        os.dup2(os.open(job[name], flags), number)
    sys.argv = ["plugrad", *job["arguments"]]
    from plugrad.cli import main
    try:
        main()
    except SystemExit as ending:
        if isinstance(ending.code, str):
            print(ending.code, file=sys.stderr)
        return 1 if isinstance(ending.code, str) else ending.code or 0
    except BaseException:
        import traceback
        traceback.print_exc()
        return 70
    return 0

print("ready", flush=True)
for line in sys.stdin:
    job = json.loads(line)
    child = os.fork()
    if child == 0:
        os.setpgrp()
        status = 70
        try:
            status = become(job)
            sys.stdout.flush()
            sys.stderr.flush()
        finally:
            os._exit(status)
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
"""


@dataclass(frozen=True)
class Done:
    """What a command did."""

    status: int
    output: str

    def __str__(self):
        return f"exit status {self.status}\n{self.output}"


class Shell:
    """Runs commands.

    Args:
        folder: where what they print is kept.
    """

    def __init__(self, folder):
        self._folder = folder
        environment = os.environ | {"OMP_NUM_THREADS": "1", "MPLBACKEND": "Agg"}
        environment |= {"XDG_CACHE_HOME": str(folder / "cache"), "COLUMNS": "200"}
        self._environment = {
            name: value for name, value in environment.items() if not name.startswith("PYTEST")
        }
        self._server = subprocess.Popen(
            [sys.executable, "-c", _SERVER],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=self._environment,
            text=True,
        )
        assert self._server.stdout.readline() == "ready\n"

    def close(self):
        """End the process that runs commands."""
        self._server.stdin.close()
        self._server.wait(timeout=LIMIT)
        self._server.stdout.close()

    def run(self, command, folder, more=(), **environment):
        """Run a line, one program after the other as long as each exits with 0.

        Args:
            command: as it is typed; what it redirects goes nowhere.
            folder: where.
            more: words to add at its end.
            environment: variables to set.
        """
        done = Done(0, "")
        for words in simple_commands(command):
            one = self._one([*words, *more], folder, environment)
            done = Done(one.status, done.output + one.output)
            if done.status:
                break
        return done

    def _one(self, words, folder, environment):
        if words[:3] == ["python", "-m", "plugrad"]:
            words = ["plugrad", *words[3:]]
        if words[0] == "plugrad":
            home = str(environment.get("HOME", ""))
            arguments = [w.replace("~", home, 1) if w.startswith("~/") else w for w in words[1:]]
            return self._plugrad(arguments, folder, environment)
        rest = {"python": words[1:], "pytest": ["-m", "pytest", *words[1:]]}[words[0]]
        done = subprocess.run(
            [sys.executable, *rest],
            cwd=folder,
            env=self._environment | environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=LIMIT,
        )
        return Done(done.returncode, done.stdout + done.stderr)

    def _plugrad(self, arguments, folder, environment):
        out, err = self._folder / "out", self._folder / "err"
        job = {"folder": str(folder), "environment": environment, "arguments": arguments}
        job |= {"in": os.devnull, "out": str(out), "err": str(err)}
        job["path"] = ["", *environment.get("PYTHONPATH", "").split(os.pathsep)]
        self._server.stdin.write(json.dumps(job) + "\n")
        self._server.stdin.flush()
        status = int(self._server.stdout.readline())
        return Done(status, out.read_text() + err.read_text())
