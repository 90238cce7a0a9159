"""``import plugrad`` against ``import torch``, each in fresh processes."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from typing import TYPE_CHECKING

from plugrad.benchmarks.result import TORCH, Result
from plugrad.benchmarks.timing import interleaved

if TYPE_CHECKING:
    from collections.abc import Iterator

    from plugrad.benchmarks.effort import Effort
    from plugrad.benchmarks.timing import Stopwatch

_AIM = 1.1
_TIMED_IMPORT = (
    "from time import perf_counter as now; started = now(); import {}; print(now() - started)"
)


def results(effort: Effort) -> Iterator[Result]:
    """Measure the imports, without the start of the interpreter."""
    seconds = interleaved(
        {"plugrad": _importing("plugrad"), TORCH: _importing("torch")}, effort.imports
    )
    yield Result.of("import", "ms", {name: 1e3 * s for name, s in seconds.items()}, aim=_AIM)


def _importing(package: str) -> Stopwatch:
    command = [sys.executable, "-c", _TIMED_IMPORT.format(package)]

    def timed() -> float:
        # Elsewhere, so that the current folder shadows no module.
        with tempfile.TemporaryDirectory() as folder:
            done = subprocess.run(command, cwd=folder, check=True, capture_output=True, text=True)
        return float(done.stdout)

    return timed
