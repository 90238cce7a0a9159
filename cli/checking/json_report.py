"""json_report: a run as JSON."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, get_args

from plugrad.cli.checking.plain import plain
from plugrad.testing.result import Status

if TYPE_CHECKING:
    from plugrad.cli.checking.outcome import Outcome


#: Goes up with a change that a program which reads the report would notice: a field that is gone
#: or means something else. docs/reference/check.schema.json describes it.
SCHEMA = 1


def json_report(outcome: Outcome) -> str:
    """A JSON object with the totals and each result; nan and inf are text."""
    report = outcome.report
    counts = report.counts
    told = {
        "schema": SCHEMA,
        "passed": outcome.passed,
        "interrupted": outcome.interrupted,
        "seconds": outcome.seconds,
        "seed": outcome.seed,
        "device": outcome.device,
        "ops": outcome.ops,
        "problems": outcome.problems,
        "laws": [{"id": law.id, "family": law.family, "why": law.why} for law in outcome.laws],
        "totals": {
            "results": len(report),
            **{name: counts[name] for name in get_args(Status)},
        },
        "results": [plain(result.as_dict()) for result in report],
    }
    return json.dumps(told, allow_nan=False) + "\n"
