"""The kernels of ``tests/controls/kernels``: no wrong one passes, and each right one does."""

from __future__ import annotations

import importlib

import pytest

from plugrad.testing import LAWS, check_op
from plugrad.tests.checkout import ROOT

FOLDER = ROOT / "tests" / "controls" / "kernels"
WRONG, RIGHT = (
    sorted(path.stem for path in (FOLDER / kind).glob("*.py")) for kind in ("wrong", "right")
)
#: Compiling takes seconds, and finds nothing here.
CHECKED = [law.id for law in LAWS if not law.slow]


def kernel(kind, name):
    return importlib.import_module(f"plugrad.tests.controls.kernels.{kind}.{name}")


def check(function, right, laws=CHECKED, **told):
    return check_op(function, samples=right.samples, reference=right.reference, laws=laws, **told)


def test_there_are_more_than_twenty():
    assert len(WRONG) >= 20
    assert {kernel("wrong", name).RIGHT for name in WRONG} == {kernel("right", n) for n in RIGHT}


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_kernel_fails(name):
    wrong = kernel("wrong", name)
    report = check(wrong.Wrong, wrong.RIGHT)
    assert not report.passed
    assert set(wrong.LAWS) <= {failure.law for failure in report.failures}, str(report)


@pytest.mark.parametrize("name", RIGHT)
def test_a_right_kernel_passes(name):
    right = kernel("right", name)
    report = check(right.Right, right)
    assert report.passed, str(report)
    verdicts = {r.verdict for r in report if r.law == "kernel-numerics"}
    assert verdicts == {"pass"}


@pytest.mark.parametrize("name", RIGHT)
def test_a_right_kernel_is_as_close_as_its_reference_whatever_the_numbers(name):
    right = kernel("right", name)
    for seed in range(1, 11):
        report = check(right.Right, right, ["kernel-numerics"], seed=seed)
        assert not report.failures, str(report)
