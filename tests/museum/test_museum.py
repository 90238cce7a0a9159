"""The museum: plugrad fails each bug before its fix and none after, and the pages say so."""

from __future__ import annotations

import json

import pytest

from plugrad.core.installed_torch import torch_before
from plugrad.testing import LAWS
from plugrad.tests.installed import since
from plugrad.tests.museum.collection import EXHIBITS, ROOMS
from plugrad.tests.museum.measure import measured
from plugrad.tests.museum.pages import CHECKS, FOLDER, MEASURED, pages

SHOWN_BY_SOME = {
    "strides that a fake kernel invents": since("2.13", "opcheck compared strides on CUDA only"),
    "the compiler drops the rule": pytest.mark.skipif(
        torch_before("2.13") or not torch_before("2.14"),
        reason="before 2.13 it is not tried; since 2.14, torch.compile of torch.func.grad keeps it",
    ),
}
SAID = json.loads(MEASURED.read_text(encoding="utf-8"))


def test_each_exhibit_has_a_name_and_a_report_of_its_own():
    assert len({e.name for e in EXHIBITS}) == len(EXHIBITS) >= 44
    assert len({e.link for e in EXHIBITS}) == len(EXHIBITS)
    assert all(e.link.startswith(f"https://github.com/{e.project}/") for e in EXHIBITS)


def test_each_exhibit_was_measured():
    assert list(SAID) == [e.name for e in EXHIBITS]


def test_the_pages_are_as_the_script_writes_them():
    written = {path.name: path.read_text(encoding="utf-8") for path in FOLDER.glob("*.md")}
    assert written == pages(SAID), "run: python -m plugrad.tests.museum.run --pages"


def test_each_room_has_its_module():
    for room in ROOMS:
        assert (MEASURED.parent / f"{room.name.replace('-', '_')}.py").is_file()


@pytest.mark.parametrize("exhibit", EXHIBITS, ids=lambda e: e.name.replace(" ", "-"))
def test_the_page_says_that_plugrad_fails_the_bug_and_passes_the_fix(exhibit):
    said = SAID[exhibit.name]
    expected = "passes" if exhibit.unseen else "fails"
    assert said["before"]["plugrad"] == expected, f"take away unseen={exhibit.unseen!r}"
    assert said["after"]["plugrad"] == "passes", said["after"]["laws"]
    if not exhibit.unseen:
        assert exhibit.law in said["before"]["laws"]
        assert exhibit.law in LAWS


@pytest.mark.slow
@pytest.mark.parametrize(
    "exhibit",
    [
        pytest.param(e, marks=SHOWN_BY_SOME.get(e.name, ()), id=e.name.replace(" ", "-"))
        for e in EXHIBITS
    ],
)
def test_what_the_page_says_is_true(exhibit):
    now, said = measured(exhibit), SAID[exhibit.name]
    for when in ("before", "after"):
        verdicts = [{check: m[when][check] for check in CHECKS} for m in (now, said)]
        assert verdicts[0] == verdicts[1], f"{when}: run python -m plugrad.tests.museum.run"
    assert exhibit.unseen or exhibit.law in now["before"]["laws"]
