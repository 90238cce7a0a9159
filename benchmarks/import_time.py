"""``import plugrad`` against ``import torch``, each in fresh processes."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from typing import TYPE_CHECKING

from plugrad.benchmarks.result import TORCH, Result
from plugrad.benchmarks.timing import interleaved

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from plugrad.benchmarks.effort import Effort
    from plugrad.benchmarks.timing import Stopwatch

_AIM = 1.1
_TIMED_IMPORT = (
    "from time import perf_counter as now; started = now(); import {}; print(now() - started)"
)


def results(effort: Effort) -> Iterator[Result]:
    """Measure the imports, without the start of the interpreter."""
    with tempfile.TemporaryDirectory() as folder:
        contenders = {name: importing(name, folder) for name in ("plugrad", TORCH)}
        seconds = interleaved(contenders, effort.imports)
    yield Result.of("import", "ms", {name: 1e3 * s for name, s in seconds.items()}, aim=_AIM)


def importing(package: str, folder: str, environment: Mapping[str, str] = os.environ) -> Stopwatch:
    """Import in ``folder``, where nothing shadows a module, and keep compiled code there.

    Installed packages have theirs, but a checkout may not, and the environment may forbid
    to write it. The round that is not counted fills the folder.
    """
    command = [sys.executable, "-c", _TIMED_IMPORT.format(package)]
    environment = {**environment, "PYTHONPYCACHEPREFIX": folder, "PYTHONDONTWRITEBYTECODE": ""}

    def timed() -> float:
        done = subprocess.run(
            command, cwd=folder, env=environment, check=True, capture_output=True, text=True
        )
        return float(done.stdout)

    return timed
