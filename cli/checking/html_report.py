"""html_report: a run as one HTML file that needs nothing else."""

from __future__ import annotations

from itertools import groupby
from operator import attrgetter
from typing import TYPE_CHECKING, Any, get_args

from jinja2 import Environment, PackageLoader

from plugrad.cli.checking.failure import facts, without_numbers
from plugrad.cli.checking.plain import plain
from plugrad.cli.describing.explanation import law_lines
from plugrad.testing.law import FAMILIES
from plugrad.testing.result import Result, Status
from plugrad.testing.two_jacobians import TwoJacobians

if TYPE_CHECKING:
    from plugrad.cli.checking.outcome import Outcome
    from plugrad.testing.agree import Matrix
    from plugrad.testing.law import Law

#: Their order is that of the codes in the data.
STATUSES = get_args(Status)
#: So many failures are listed under the matrix, for print and for readers without scripts.
LISTED = 200


def html_report(outcome: Outcome, title: str = "plugrad check") -> str:
    """A matrix of ops and laws; the results of each cell, and heat maps of the Jacobians."""
    environment = Environment(
        loader=PackageLoader("plugrad.cli.checking", ""),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    # tojson escapes what would end a <script>; it would sort keys and allow NaN by default.
    environment.policies["json.dumps_kwargs"] = {"allow_nan": False, "separators": (",", ":")}
    report = outcome.report
    failures = report.failures
    return environment.get_template("report.html.jinja").render(
        title=title,
        outcome=outcome,
        counts=[(status, report.counts[status]) for status in STATUSES],
        total=len(report),
        families=[f for f in FAMILIES if any(law.family == f for law in _laws(outcome))],
        failures=failures[:LISTED],
        unlisted=len(failures[LISTED:]),
        pages=[(law.id, "\n".join(law_lines(law))) for law in _broken(outcome)],
        data=_Data(outcome).as_dict(),
    )


def _laws(outcome: Outcome) -> list[Law]:
    return list(outcome.laws)


def _broken(outcome: Outcome) -> list[Law]:
    """The laws of the failures and warnings, whose pages the file has."""
    report = outcome.report
    found = {result.law for result in (*report.failures, *report.warnings)}
    return [law for law in _laws(outcome) if law.id in found]


class _Data:
    """The results as the page's script takes them, small enough for 100 000.

    A result is ``[sample, status, microseconds]``, and if it is not simply passed also the
    index of its message, and of its details if it failed. Texts stand once.
    """

    def __init__(self, outcome: Outcome) -> None:
        self.outcome = outcome
        self.texts: dict[str, int] = {}
        self.details: list[dict[str, Any]] = []
        #: By op and sample the result that has its Jacobians, which other laws show, too.
        self.jacobians: dict[tuple[str, int | None], Result] = {}
        for result in outcome.report.failures:
            if result.mismatch is not None and result.mismatch.jacobians is not None:
                self.jacobians.setdefault((result.op, result.sample), result)

    def as_dict(self) -> dict[str, Any]:
        """All of it as plain values."""
        laws = _laws(self.outcome)
        return {
            "statuses": STATUSES,
            "laws": [{"id": law.id, "family": law.family, "why": law.why} for law in laws],
            "ops": self.outcome.ops,
            "cells": [self._row(op, laws) for op in self.outcome.ops],
            "texts": list(self.texts),
            "details": self.details,
            "commands": [self._command(op) for op in self.outcome.ops],
            "reproduce": self._reproduce(None),
            "reproduceSample": self._reproduce("{sample}"),
        }

    def _row(self, op: str, laws: list[Law]) -> list[Any]:
        """For each law its results, 0 if there are none."""
        by_law = attrgetter("law")
        results = sorted(self.outcome.of(op), key=by_law)
        found = {law: [self._result(r) for r in group] for law, group in groupby(results, by_law)}
        return [found.get(law.id, 0) for law in laws]

    def _result(self, result: Result) -> list[Any]:
        sample = -1 if result.sample is None else result.sample
        told: list[Any] = [sample, STATUSES.index(result.status), round(result.duration * 1e6)]
        if result.status == "passed":
            return told
        told.append(self._text(without_numbers(result)))
        if result.status == "failed":
            told.append(len(self.details))
            with_jacobians = self.jacobians.get((result.op, result.sample))
            self.details.append(_detail(result, with_jacobians))
        return told

    def _text(self, text: str) -> int:
        return self.texts.setdefault(text, len(self.texts))

    def _command(self, op: str) -> str:
        """What checks the op again; empty where no command finds it."""
        return next((result.command for result in self.outcome.of(op)), "")

    def _reproduce(self, sample: Any) -> str:
        """The line that reproduces a result, with {command}, {law} and {sample} to fill in."""
        outcome = self.outcome
        return Result(
            "",
            sample,
            "{law}",
            "",
            "passed",
            seed=outcome.seed,
            device=outcome.device,
            command="{command}",
        ).reproduce


def _detail(result: Result, with_jacobians: Result | None) -> dict[str, Any]:
    """The facts of a failure, and its Jacobians; if it has none, those that another law found."""
    detail: dict[str, Any] = {"facts": facts(result)}
    if result.mismatch is not None and result.mismatch.jacobians is not None:
        with_jacobians = result
    if with_jacobians is None or with_jacobians.mismatch is None:
        return detail
    both = TwoJacobians(with_jacobians.mismatch)
    if both.is_empty:
        return detail
    detail["jacobians"] = {
        "expected": _drawn(both.expected),
        "got": _drawn(both.got),
        "difference": _drawn(
            [
                [g - e for e, g in zip(*rows, strict=True)]
                for rows in zip(both.expected, both.got, strict=True)
            ]
        ),
        "allowed": plain(both.allowed),
        "small": both.is_small,
    }
    if with_jacobians is not result:
        detail["jacobians"]["of"] = with_jacobians.law
    return detail


def _drawn(matrix: Matrix) -> list[list[Any]]:
    """Each entry a number, a text where it is not finite, or of a complex one [size, text]."""
    return [
        [[plain(abs(v)), f"{v:.6g}"] if isinstance(v, complex) else plain(v) for v in row]
        for row in matrix
    ]
