"""The controls: each law catches its wrong op, and the awkward right ops pass."""

from __future__ import annotations

import importlib
import re

import pytest

from plugrad.testing import LAWS, check_op
from plugrad.tests.checkout import ROOT
from plugrad.tests.controls import law_pages
from plugrad.tests.controls.compare_with_torch import gradcheck, page
from plugrad.tests.controls.ten_faults import TEN_FAULTS, CorrectRelu, OnePercentInOneElement
from plugrad.tests.installed import needs_pinned_torch

CONTROLS = ROOT / "tests" / "controls"
WRONG = sorted(path.stem for path in (CONTROLS / "wrong").glob("*.py"))
AWKWARD = sorted(path.stem for path in (CONTROLS / "awkward").glob("*.py"))
SLOW = {"million_elements"}


def control(kind, name):
    return importlib.import_module(f"plugrad.tests.controls.{kind}.{name}")


def test_each_law_has_a_wrong_op_and_each_wrong_op_a_law():
    assert sorted(law.id.replace("-", "_") for law in LAWS) == WRONG


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_op_is_caught_by_its_law(name, monkeypatch):
    wrong, law = control("wrong", name), name.replace("_", "-")
    getattr(wrong, "prepare", lambda _: None)(monkeypatch)
    told = getattr(wrong, "TOLD", {})
    report = check_op(wrong.Wrong, **told)
    # Of a torch Function a warning counts: few have all that a law asks for.
    broken = report.failures + [r for r in report.warnings if r.law == law]
    messages = [r.message for r in broken if r.law == law]
    caught = {r.law for r in broken}
    if hasattr(wrong, "MANY"):
        assert law in caught
    else:
        assert caught == {law, *getattr(wrong, "ALSO", {})}, str(report)
    assert any(re.search(wrong.MESSAGE, message) for message in messages), messages


@pytest.mark.parametrize("name", WRONG)
def test_what_else_catches_a_wrong_op_is_a_law_with_a_reason(name):
    also = getattr(control("wrong", name), "ALSO", {})
    assert all(law in LAWS and reason for law, reason in also.items())


@pytest.mark.parametrize(
    "name", [pytest.param(n, marks=[pytest.mark.slow] if n in SLOW else []) for n in AWKWARD]
)
def test_an_awkward_op_passes(name):
    awkward = control("awkward", name)
    report = check_op(awkward.Awkward)
    assert report.passed, str(report)


def test_torch_passes_the_ten_faults_and_check_op_catches_them():
    assert len(TEN_FAULTS) == 10
    for fault in TEN_FAULTS:
        assert gradcheck(fault), fault
        assert fault.law in {failure.law for failure in check_op(fault).failures}, fault


def test_the_fast_mode_of_torch_passes_one_percent_in_one_element():
    assert gradcheck(OnePercentInOneElement, fast_mode=True)
    assert not gradcheck(OnePercentInOneElement)
    assert OnePercentInOneElement.law in {f.law for f in check_op(OnePercentInOneElement).failures}


def test_torch_fails_a_correct_relu_at_zero_and_check_op_passes_it():
    assert not gradcheck(CorrectRelu)
    assert check_op(CorrectRelu).passed


def test_the_page_of_faults_is_as_the_script_writes_it():
    written = (ROOT / "docs" / "faults.md").read_text(encoding="utf-8")
    hint = "run: python -m plugrad.tests.controls.compare_with_torch > docs/faults.md"
    assert page() == written, hint


@needs_pinned_torch  # which laws catch a wrong op beside its own differs
def test_the_pages_of_the_laws_are_as_the_script_writes_them():
    hint = "run: python -m plugrad.tests.controls.law_pages"
    folder = ROOT / "docs" / "laws"
    written = {path.name: path.read_text(encoding="utf-8") for path in folder.glob("*.md")}
    said = law_pages.messages()
    expected = law_pages.pages(said)
    assert written.keys() == expected.keys(), hint
    for name, text in expected.items():
        # The last digits of a number are the machine's.
        assert without_numbers(written[name]) == without_numbers(text), f"{name}: {hint}"
    in_the_wheel = law_pages.PACKAGED.read_text(encoding="utf-8")
    assert without_numbers(in_the_wheel) == without_numbers(law_pages.packaged(said)), hint


def without_numbers(text):
    return re.sub(r"-?\d+\.?\d*(e[+-]\d+)?|\binf\b|\bnan\b", "#", text)
