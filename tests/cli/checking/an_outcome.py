"""A small outcome with every status, and with names and numbers that are hard to write."""

from __future__ import annotations

import math

from plugrad.cli.checking.outcome import Outcome
from plugrad.testing.agree import Mismatch
from plugrad.testing.check import choose_laws
from plugrad.testing.pool import Batch
from plugrad.testing.result import Result

JACOBIANS = ([[1.0, 0.0], [0.0, -2.0]], [[1.0, 0.0], [0.0, math.nan]])
WRONG = Mismatch("gradient of x", (1,), "-2", "nan", math.inf, math.inf, 1e-10, "0 / 0", JACOBIANS)


def outcome(message=f"not torch's </script> gradient: {WRONG}"):
    made = Outcome(["good", "sni<&>"], choose_laws(["samples", "oracle", "runs"]), seconds=1.5)
    family = "first order"
    good = [
        Result("good", None, "samples", "registration", "waived", "it has none"),
        Result("good", 0, "runs", "forward", "not applicable", "why not"),
        Result("good", 0, "oracle", family, "passed", duration=0.25),
        Result("good", 1, "oracle", family, "passed"),
    ]
    command = "plugrad check sni<&>"
    bad = [
        Result(
            "sni<&>",
            0,
            "runs",
            "forward",
            "failed",
            "it does not run",
            command=command,
        ),
        Result(
            "sni<&>",
            0,
            "oracle",
            family,
            "failed",
            message,
            0,
            0.1,
            "Sample(2)",
            WRONG,
            command=command,
        ),
    ]
    made.add(Batch("sni<&>", bad, True))
    made.add(Batch("good", good, True))
    return made
