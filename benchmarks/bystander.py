"""What plugrad costs those who do not use it: a one-line torch.autograd.Function on tensors.

plugrad adopts such Functions where they are given Variables, through a narrow change of their
``apply``. Here it is given tensors, in fresh processes, with plugrad imported and without.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from typing import TYPE_CHECKING

from plugrad.benchmarks.result import Result
from plugrad.benchmarks.timing import interleaved

if TYPE_CHECKING:
    from collections.abc import Iterator

    from plugrad.benchmarks.effort import Effort
    from plugrad.benchmarks.timing import Stopwatch

_AIM = 1.08
WITHOUT = "torch alone"
#: The least of many, since a fresh process is on a busy machine, too.
_CALLS = """
from time import perf_counter as now
import torch
{}
torch.set_num_threads(1)
class Double(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x): return x * 2.0
    @staticmethod
    def backward(ctx, gy): return gy * 2.0
x = torch.ones(8, requires_grad=True)
def calls():
    started = now()
    for _ in range(100): Double.apply(x)
    return (now() - started) / 100
print(min(calls() for _ in range({})))
"""


def results(effort: Effort) -> Iterator[Result]:
    """Measure the call, not the imports."""
    with tempfile.TemporaryDirectory() as folder:
        contenders = {
            "plugrad": _calling("import plugrad", effort.rounds, folder),
            WITHOUT: _calling("", effort.rounds, folder),
        }
        seconds = interleaved(contenders, effort.imports)
    yield Result.of(
        "a call of a torch.autograd.Function on tensors, plugrad imported",
        "us",
        {name: 1e6 * value for name, value in seconds.items()},
        aim=_AIM,
        against=(WITHOUT,),
    )


def _calling(before: str, rounds: int, folder: str) -> Stopwatch:
    command = [sys.executable, "-c", _CALLS.format(before, rounds)]

    def timed() -> float:
        done = subprocess.run(
            command, cwd=folder, env=os.environ, check=True, capture_output=True, text=True
        )
        return float(done.stdout)

    return timed
