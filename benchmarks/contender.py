"""One side of a comparison: a process with one checkout's plugrad, that measures what it is asked.

``compare.py`` starts it with the checkout first on Python's path, writes the names of benchmarks to
it, one per line, and reads a number for each. The benchmarks are those of this folder, whichever
checkout they run on, so both sides do the same work.
"""

from __future__ import annotations

import sys
from importlib.machinery import ModuleSpec
from importlib.util import module_from_spec
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from plugrad.benchmarks.effort import Effort

    #: Seconds, or bytes.
    Measurement = Callable[[], float]


def use_these_benchmarks() -> None:
    """Let ``plugrad.benchmarks`` be this folder, not the checkout's own."""
    spec = ModuleSpec("plugrad.benchmarks", None, is_package=True)
    spec.submodule_search_locations = [str(Path(__file__).parent)]
    sys.modules["plugrad.benchmarks"] = module_from_spec(spec)


def measurements(effort: Effort) -> dict[str, Measurement]:
    """Return what can be measured, by name; what one takes to set up is done at its first run."""
    from plugrad.benchmarks import live_graph, long_chain, op_overhead, own_op, small_step
    from plugrad.benchmarks.timing import stopwatch

    repeats = effort.repeats
    forward, both = op_overhead.recording(repeats)
    step = small_step.repeated(small_step.small_step(), max(1, repeats // 10))
    found: dict[str, Measurement] = {
        "chain of small ops, forward": stopwatch(forward),
        "chain of small ops, forward + backward": stopwatch(both),
        "MLP 8-8-8, one step": stopwatch(step),
        "a user's own mul": stopwatch(own_op.mul_chain(own_op.PlugradMul.apply, repeats, True)),
        "a user's own exp": stopwatch(own_op.exp_chain(own_op.PlugradExp.apply, repeats, True)),
    }
    found.update(_real_step(effort))
    forward_alive, nodes = live_graph.growing(True, effort.live_nodes)
    found[f"forward that keeps {nodes:,} nodes alive"] = forward_alive
    for length in effort.chains[:2]:
        found[f"backward of a chain of {length:,}"] = long_chain.backward(length, True)
    return found


def _real_step(effort: Effort) -> dict[str, Measurement]:
    import plugrad as pg
    from plugrad.benchmarks.real_step import Trainee, peak_bytes
    from plugrad.benchmarks.timing import stopwatch

    trainee = Trainee(effort.width, pg.Parameter, pg.Variable)
    return {
        f"MLP {effort.width} wide, one step": stopwatch(trainee.whole_step),
        f"MLP {effort.width} wide, peak memory": lambda: float(peak_bytes(trainee)),
    }


def main(checkout: str, tiny: bool) -> None:
    """Answer until there are no more questions."""
    import plugrad

    if Path(plugrad.__file__).parent != Path(checkout):
        raise SystemExit(f"plugrad was imported from {plugrad.__file__}, not from {checkout}")
    use_these_benchmarks()
    import torch

    from plugrad.benchmarks.effort import FULL, TINY

    torch.set_num_threads(1)
    found = measurements(TINY if tiny else FULL)
    print(*found, sep="\t", flush=True)
    for line in sys.stdin:
        print(found[line.strip()](), flush=True)


if __name__ == "__main__":
    main(sys.argv[1], "--tiny" in sys.argv)
