"""processes: how many processes to start."""

from __future__ import annotations

import os


def processes(wanted: int | None, ops: int, ops_for_each: int) -> int:
    """As many as are wanted; by default one per CPU, if each gets ``ops_for_each`` ops.

    With fewer ops, starting a process takes longer than it saves.
    """
    if wanted is not None:
        return min(wanted, ops)
    affinity = getattr(os, "sched_getaffinity", None)  # Linux has it
    cpus = len(affinity(0)) if affinity is not None else os.cpu_count() or 1
    return max(1, min(cpus, ops // ops_for_each))
