"""Check one package in this Python: ``python -m plugrad.tests.downstream.check PACKAGE``.

It prints, as its last line, JSON: what each law said of each Function. run.py starts it in the
environment that has the packages.
"""

from __future__ import annotations

import argparse
import importlib
import json
import time
import warnings
from typing import Any

import torch

import plugrad as pg
from plugrad.tests.downstream.functions import functions_of, import_all
from plugrad.tests.downstream.packages import PACKAGES

#: Seconds for a law on a sample: an integrator that never ends must leave time for the rest.
TIME_LIMIT = 10.0
_TOO_LONG = "took longer than its time limit"


def main(arguments: list[str] | None = None) -> int:
    """The command; it returns 0 whatever the laws find."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("package", choices=PACKAGES)
    parser.add_argument("--only", default="", help="Functions whose name contains this")
    options = parser.parse_args(arguments)
    torch.set_num_threads(1)
    found = found_in(options.package, options.only)
    print(json.dumps({**found, "seconds": round(time.process_time(), 1)}))
    return 0


def found_in(package: str, only: str = "") -> dict[str, Any]:
    """The findings of a package, as run.py compares them with the verdicts."""
    imports = import_all(package)
    samples = importlib.import_module(f"plugrad.tests.downstream.samples.{package}")
    functions = functions_of(package)
    known = samples.SAMPLES.keys() | samples.NOT_REACHED.keys()
    not_compiled = getattr(samples, "NOT_COMPILED", ())
    return {
        "torch": torch.__version__.partition("+")[0],
        "imports": imports,
        "unknown": sorted(functions.keys() - known),
        "gone": sorted(known - functions.keys()),
        "not_reached": samples.NOT_REACHED,
        "functions": {
            name: checked(functions[name], told, name not in not_compiled)
            for name, told in sorted(samples.SAMPLES.items())
            if name in functions and only in name
        },
    }


def checked(function: type, told: Any, compiled: bool = True) -> dict[str, Any]:
    """The laws that one Function breaks, each with the first message, and how long it took.

    Args:
        function: the Function.
        told: what the samples file says of it.
        compiled: whether the law ``compiled`` is among them.
    """
    told = dict(told) if isinstance(told, dict) else {"samples": told}
    if not compiled:
        told["laws"] = [law.id for law in pg.testing.LAWS if law.id != "compiled"]
    start = time.perf_counter()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        report = pg.testing.check_op(function, time_limit=TIME_LIMIT, **told)
    found: dict[str, Any] = {"failed": {}, "warning": {}, "slow": {}}
    for result in report:
        if result.status in found:
            sample = "" if result.sample is None else f"sample {result.sample}: "
            # What depends on the machine is no finding.
            part = "slow" if result.message.startswith(_TOO_LONG) else result.status
            message = (result.message.splitlines() or [""])[0]
            found[part].setdefault(result.law, sample + message)
    found["samples"] = len({r.sample for r in report} - {None})
    found["passed"] = report.counts["passed"]
    found["seconds"] = round(time.perf_counter() - start, 2)
    return found


if __name__ == "__main__":
    raise SystemExit(main())
