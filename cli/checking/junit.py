"""junit_report: a run as JUnit's XML, which CI servers read."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

from plugrad.cli.checking.failure import failure

if TYPE_CHECKING:
    from plugrad.cli.checking.outcome import Outcome
    from plugrad.testing.result import Report, Result

#: What XML 1.0 cannot hold, not even escaped.
_FORBIDDEN = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def junit_report(outcome: Outcome) -> bytes:
    """A testsuite for each op, a testcase for each result.

    What was waived or does not apply counts as skipped.
    """
    root = ET.Element("testsuites", {"name": "plugrad check", **_counts(outcome.report)})
    for op in outcome.ops:
        report = outcome.of(op)
        suite = ET.SubElement(root, "testsuite", {"name": op, **_counts(report)})
        for result in report:
            _add_case(suite, result)
    ET.indent(root)
    text: bytes = ET.tostring(root, encoding="utf-8", xml_declaration=True)
    return text + b"\n"


def _counts(report: Report) -> dict[str, str]:
    counts = report.counts
    return {
        "tests": str(len(report)),
        "failures": str(counts["failed"]),
        "errors": "0",
        "skipped": str(counts["waived"] + counts["not applicable"]),
        "time": f"{sum(r.duration for r in report):.6f}",
    }


def _add_case(suite: ET.Element, result: Result) -> None:
    case = ET.SubElement(
        suite,
        "testcase",
        name=result.id,
        classname=f"plugrad.{result.op}",
        time=f"{result.duration:.6f}",
    )
    if result.status == "failed":
        told = ET.SubElement(case, "failure", message=_legal(result.message), type=result.law)
        told.text = _legal("\n".join(line.plain for line in failure(result)))
    elif result.status != "passed":
        ET.SubElement(case, "skipped", message=_legal(f"{result.status}: {result.message}"))


def _legal(text: str) -> str:
    return _FORBIDDEN.sub("\N{REPLACEMENT CHARACTER}", text)
