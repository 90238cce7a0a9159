"""json_report: strict JSON, nan included."""

from __future__ import annotations

import json

from plugrad.cli.checking.json_report import json_report
from plugrad.cli.checking.plain import plain
from plugrad.tests.cli.checking.an_outcome import outcome


def refuse(name):
    raise AssertionError(f"{name} is no JSON")


def test_it_is_strict_json_with_everything():
    told = json.loads(json_report(outcome()), parse_constant=refuse)
    assert told["passed"] is False
    assert told["interrupted"] is False
    assert told["totals"] == {
        "results": 6, "passed": 2, "failed": 2, "warning": 0, "waived": 1, "not applicable": 1,
    }  # fmt: skip
    assert [law["id"] for law in told["laws"]] == ["samples", "runs", "oracle"]
    last = told["results"][-1]
    assert last["id"] == "sni<&>[0]-oracle"
    assert last["reproduce"] == "plugrad check sni<&> --law oracle --sample 0 --seed 0"
    assert last["mismatch"]["absolute"] == "inf"
    assert last["mismatch"]["jacobians"][1] == [[1.0, 0.0], [0.0, "nan"]]
    assert last["mismatch"]["index"] == [1]


def test_plain_values():
    value = {"a": (1, 2.5, None, True), 3: float("-inf"), "c": 1 + 2j}
    assert plain(value) == {"a": [1, 2.5, None, True], "3": "-inf", "c": "(1+2j)"}
