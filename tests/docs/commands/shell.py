"""Shell: runs commands where their files are; ``plugrad`` without starting Python each time."""

from __future__ import annotations

import os
from dataclasses import dataclass

from plugrad.tests.docs.commands.parts import simple_commands
from plugrad.tests.python_process import python

#: Longer than any command here should take.
LIMIT = 100.0
#: What each command imports, and a copy of a process need not.
PRELOADED = ("plugrad.cli.app", "plugrad.testing")
_COMMAND = "import sys; sys.argv[0] = 'plugrad'; from plugrad.cli import main; main()"


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
        folder: where plugrad keeps its cache.
    """

    def __init__(self, folder):
        environment = os.environ | {"OMP_NUM_THREADS": "1", "MPLBACKEND": "Agg"}
        environment |= {"XDG_CACHE_HOME": str(folder / "cache"), "COLUMNS": "200"}
        self._environment = {
            name: value for name, value in environment.items() if not name.startswith("PYTEST")
        }

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
        preloaded = ("torch",)
        if words[0] == "plugrad":
            preloaded = PRELOADED
            home = str(environment.get("HOME", ""))
            given = [w.replace("~", home, 1) if w.startswith("~/") else w for w in words[1:]]
            words = ["-c", _COMMAND, *given]
        else:
            words = {"python": words[1:], "pytest": ["-m", "pytest", *words[1:]]}[words[0]]
        done = python(
            *words,
            cwd=folder,
            env=self._environment | environment,
            timeout=LIMIT,
            preloaded=preloaded,
        )
        return Done(done.returncode, done.stdout + done.stderr)
