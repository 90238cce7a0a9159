"""Run many programs on torch and on plugrad: ``python -m plugrad.tests.fuzz.run --count 10000``."""

from __future__ import annotations

import argparse
import re
import sys
from collections import Counter
from time import perf_counter

from hypothesis import HealthCheck, Phase, given, seed, settings

from plugrad.tests.fuzz.compare import compare
from plugrad.tests.fuzz.forms import forms
from plugrad.tests.fuzz.generate import programs
from plugrad.tests.fuzz.shrink import shrunk


def main(arguments=None):
    """The command; returns 1 where a difference is left unexplained."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--show", type=int, default=20, help="unexplained differences to shrink")
    options = parser.parse_args(arguments)
    started = perf_counter()
    found, explained, ops = collect(options.count, options.seed)
    print(f"{options.count} programs in {perf_counter() - started:.0f} s")
    never = sorted(forms().keys() - ops)
    print(
        f"  {len(ops)} ops were called"
        + (f", not: {' '.join(never)}" if never and len(never) < 40 else "")
    )
    for reason, times in explained.most_common():
        print(f"  {times:6} explained: {reason}")
    print(f"  {sum(len(same) for same in found.values()):6} unexplained, {len(found)} kinds")
    for text in list(reproductions(found))[: options.show]:
        print(f"\n{'=' * 80}\n{text}")
    return 1 if found else 0


def collect(count, number):
    """The unexplained programs by kind, how often each rule explained one, the ops called."""
    found, explained, ops = {}, Counter(), set()

    @seed(number)
    @settings(
        max_examples=count,
        phases=[Phase.generate],
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(programs())
    def every(program):
        ops.update(program.ops)
        verdict = compare(program)
        if verdict.unexplained:
            found.setdefault(kind_of(verdict.difference), []).append(program)
        elif verdict.difference is not None:
            explained[verdict.reason] += 1

    every()
    return found, explained, ops


def reproductions(found, each=4):
    """The text of a smallest program for each set of calls that is needed for a difference."""
    seen = set()
    for kind, same in found.items():
        for program in sorted(same, key=lambda p: len(p.lines))[:: max(len(same) // each, 1)]:
            smallest = shrunk(program)
            calls = frozenset(re.findall(r"[a-z_]+\(", "".join(smallest.lines))) - {"complex("}
            if (kind, calls) not in seen:
                seen.add((kind, calls))
                times = f"{kind} ({len(same)} times)"
                yield f"{times}\n{compare(smallest).difference}{smallest!r}"


def kind_of(difference):
    """What differences have in common that are probably one fault."""
    if difference.what == "raises":
        return f"raises: {str(difference.torch)[:60]} | {str(difference.plugrad)[:60]}"
    call = difference.line.split("(")[0].split("=")[-1].strip()
    return f"{difference.what} at {re.sub(r'[0-9]+', '', call)}"


if __name__ == "__main__":
    sys.exit(main())
