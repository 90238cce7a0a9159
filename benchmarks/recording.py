"""What ``pytest --plugrad-torch`` costs the tests while it records: their time, with and without.

Three kinds of tests: tiny calls without backward, the worst there is; small training steps; large
tensors. What the tests compute must be the same to the last bit.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from plugrad.benchmarks.result import Result
from plugrad.benchmarks.timing import interleaved

if TYPE_CHECKING:
    from collections.abc import Iterator

    from plugrad.benchmarks.effort import Effort
    from plugrad.benchmarks.timing import Stopwatch

_AIM = 1.10
WITHOUT = "without"
_CONFTEST = """
import hashlib
from time import process_time as now  # the machine may be busy
import pytest, torch
torch.set_num_threads(1)
made = hashlib.sha256()
@pytest.fixture(autouse=True)
def seeded(): torch.manual_seed(0)
@pytest.fixture
def note(): return lambda t: made.update(t.detach().numpy().tobytes())
@pytest.hookimpl(wrapper=True)
def pytest_runtestloop():
    started = now()
    result = yield
    made.update(torch.get_rng_state().numpy().tobytes())
    print("measured", now() - started, made.hexdigest())
    return result
"""
_FUNCTIONS = """
import pytest, torch
class Scaled(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, k):
        ctx.k = k
        return x * k
    @staticmethod
    def backward(ctx, gy): return gy * ctx.k, None
class Dense(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, w):
        ctx.save_for_backward(x, w)
        return x @ w
    @staticmethod
    def backward(ctx, gy):
        x, w = ctx.saved_tensors
        return gy @ w.t(), x.t() @ gy
"""
#: What each test is, to be run with n from 0 to 9.
_TESTS = {
    "tiny calls": """
    x = torch.randn(8, n + 1, requires_grad=True)
    for _ in range({times}): y = Scaled.apply(x, 2.0)
    note(y)
""",
    "training steps": """
    w = torch.randn(32, 32, requires_grad=True)
    for _ in range({times} // 20):
        x = torch.randn(16 + n, 32)
        loss = (Dense.apply(Scaled.apply(x, 0.5), w).tanh() ** 2).mean()
        loss.backward()
        with torch.no_grad(): w -= 0.1 * w.grad
        w.grad = None
    note(w)
""",
    "large tensors": """
    x, w = torch.randn(512 + n, 512, requires_grad=True), torch.randn(512, 512, requires_grad=True)
    for _ in range({times} // 500 + 1): Dense.apply(Scaled.apply(x, 2.0), w).sum().backward()
    note(x.grad)
""",
}


def results(effort: Effort) -> Iterator[Result]:
    """Measure the processor's time for the tests, not pytest's start, nor the check afterwards."""
    for name, body in _TESTS.items():
        with tempfile.TemporaryDirectory() as folder:
            test = f"@pytest.mark.parametrize('n', range(10))\ndef test_it(n, note):{body}"
            text = _FUNCTIONS + test.replace("{times}", str(50 * effort.repeats))
            Path(folder, "conftest.py").write_text(_CONFTEST)
            Path(folder, "test_them.py").write_text(text)
            digests: set[str] = set()
            contenders = {
                "plugrad": _tests(folder, digests, "--plugrad-torch", "--plugrad-law", "runs"),
                WITHOUT: _tests(folder, digests),
            }
            seconds = interleaved(contenders, max(1, effort.imports // 3), warm_up=False)
        if len(digests) != 1:
            raise AssertionError(f"{name}: recording changed what the tests compute")
        yield Result.of(
            f"pytest --plugrad-torch: {name}",
            "ms",
            {who: 1e3 * value for who, value in seconds.items()},
            aim=_AIM,
            against=(WITHOUT,),
        )


def _tests(folder: str, digests: set[str], *options: str) -> Stopwatch:
    """The processor's seconds in pytest's run loop, in a process of its own."""
    command = [sys.executable, "-m", "pytest", "-s", "-q", "-p", "no:cacheprovider", *options]
    # In one process, whatever the run around us is told.
    alone = {name: value for name, value in os.environ.items() if name != "PYTEST_ADDOPTS"}

    def timed() -> float:
        done = subprocess.run(
            command, check=True, capture_output=True, text=True, cwd=folder, env=alone
        )
        line = next(line for line in done.stdout.splitlines() if "measured" in line)
        seconds, digest = line.partition("measured")[2].split()[:2]
        digests.add(digest)
        return float(seconds)

    return timed
