"""The stress test at full size: ``python -m plugrad.tests.stress.run``, a few minutes."""

from __future__ import annotations

import argparse
import sys
from time import perf_counter

import torch

from plugrad.tests.stress import scenarios

FULL = {
    "chain": (10**6,),
    "leaves": (10**5,),
    "threads": (8, 10**3),
    "interrupts": (100,),
    "growth": (10**5,),
    "fork": (20, 3_000_000),
    "spawn": (8,),
}


def main(arguments=None):
    """The command; returns how many scenarios failed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("scenario", nargs="*", choices=[[], *FULL], help="all unless named")
    names = parser.parse_args(arguments).scenario or list(FULL)
    torch.set_num_threads(1)
    failed = 0
    for name in names:
        started = perf_counter()
        try:
            said = getattr(scenarios, name)(*FULL[name])
        except AssertionError as error:
            failed += 1
            said = f"FAILED: {error}"
        print(f"{name:<11}{perf_counter() - started:6.1f} s  {said}", flush=True)
    return failed


if __name__ == "__main__":
    sys.exit(main())
