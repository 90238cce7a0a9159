"""Report and Result: what they count, say and hold."""

from __future__ import annotations

import pickle

from plugrad.testing import LAWS
from plugrad.testing.agree import Mismatch
from plugrad.testing.result import Report, Result, failure_text


def a_result(status, message="", **details):
    details.setdefault("command", "plugrad check sin")
    return Result("sin", 1, "oracle", "first order", status, message, seed=4, **details)


def test_nothing_checked_is_not_passed():
    assert not Report().passed
    assert repr(Report()) == "<Report: nothing was checked>"


def test_counts_failures_and_reasons():
    report = Report(
        [a_result("passed"), a_result("failed", "wrong"), a_result("waived", "on purpose")]
        + [a_result("not applicable", "no input")] * 2
    )
    assert not report.passed
    assert len(report) == 5
    assert [r.message for r in report.failures] == ["wrong"]
    assert report.counts == {"passed": 1, "failed": 1, "waived": 1, "not applicable": 2}
    assert report.reasons == {
        ("waived", "oracle", "on purpose"): 1,
        ("not applicable", "oracle", "no input"): 2,
    }
    assert repr(report) == "<Report: 1 failed, 2 not applicable, 1 passed, 1 waived>"
    assert "sin[1]-oracle: wrong" in str(report)
    assert "plugrad check sin --law oracle --sample 1 --seed 4" in str(report)
    assert str(report).endswith("\nWhat these laws say: plugrad explain oracle")


def test_waived_and_not_applicable_do_not_fail():
    assert Report([a_result("waived", "why"), a_result("not applicable", "why")]).passed


def test_a_result_of_a_whole_op_on_another_device():
    result = Result(
        "sin", None, "name", "registration", "failed", device="cuda", command="plugrad check sin"
    )
    assert result.id == "sin-name"
    assert result.reproduce == "plugrad check sin --law name --seed 0 --device cuda"


def test_the_pages_of_all_broken_laws_are_named_once():
    broken = [("no-nan", "failed"), ("complex", "warning"), ("no-nan", "failed")]
    report = Report(Result("f", 0, law, "beyond", status, "no") for law, status in broken)
    assert str(report).endswith("\nWhat these laws say: plugrad explain no-nan complex")
    assert "explain" not in str(Report([a_result("passed")]))


def test_a_failure_names_its_laws_page():
    assert "  law: oracle: The gradient equals torch's" in failure_text(a_result("failed", "wrong"))
    assert "differences. (plugrad explain oracle)" in failure_text(a_result("failed", "wrong"))


def test_a_result_goes_through_pickle_and_into_a_dictionary():
    mismatch = Mismatch("gradient of x", (0,), "1", "2", 1.0, 1.0, 1e-10, "why", ([[1.0]], [[2.0]]))
    result = a_result("failed", "wrong", mismatch=mismatch)
    assert pickle.loads(pickle.dumps(result)) == result
    told = result.as_dict()
    assert told["id"] == "sin[1]-oracle"
    assert told["explain"] == "plugrad explain oracle"
    assert told["mismatch"]["jacobians"] == ([[1.0]], [[2.0]])
    assert str(mismatch) == (
        "gradient of x[0]: expected 1, got 2 (off by 1, relative 1, allowed 1e-10); "
        "probable cause: why"
    )


def test_a_law_of_the_programs_own_has_no_page_to_name():
    def passes(case):
        """Always."""

    passes.__module__ = "__main__"
    forget = LAWS.checkpoint()
    try:
        LAWS.law("of-this-program", "lifetime")(passes)
        result = a_result("failed", "wrong")._replace(law="of-this-program")
        assert result.explain == ""
        assert "explain" not in str(Report([result])) + failure_text(result)
    finally:
        forget()
