"""The pages' Python runs as it stands, and prints what the pages say."""

from __future__ import annotations

import pytest

from plugrad.testing import LAWS
from plugrad.tests.checkout import ROOT
from plugrad.tests.docs.page import assert_same_text, blocks_of, printed_by
from plugrad.tests.installed import since

DOCS = ROOT / "docs"
# The pages of the laws and of the museum are written by scripts; the pack's tutorial needs the
# pack. All have tests of their own.
ELSEWHERE = ("laws/", "decisions/", "museum/", "tutorials/first-pack.md")


def programs_of(page):
    return [b.text for b in blocks_of(DOCS / page) if b.language == "python" and not b.title]


PAGES = [
    page
    for page in sorted(path.relative_to(DOCS).as_posix() for path in DOCS.rglob("*.md"))
    if not page.startswith(ELSEWHERE) and programs_of(page)
]

NEWER = {"draw.md": since("2.13", "a TransformerEncoderLayer was recorded as one step more")}


def test_the_pages_with_programs_are_these():
    assert set(PAGES) == {
        "draw.md",
        "engine.md",
        "from-torch-func.md",
        "hooks-and-saved-tensors.md",
        "index.md",
        "inplace.md",
        "packs/README.md",
        "packs/hooks.md",
        "profile.md",
        "torch-functions.md",
        "tutorials/build-autograd.md",
        "tutorials/first-op.md",
        "tutorials/porting.md",
        "tutorials/training.md",
    }


@pytest.mark.parametrize(
    "page", [pytest.param(p, marks=NEWER[p]) if p in NEWER else p for p in PAGES]
)
def test_a_pages_programs_run_and_print_what_it_says(page, tmp_path):
    blocks = [b for b in blocks_of(DOCS / page) if b.language == "python" and not b.title]
    printed = printed_by([block.text for block in blocks], tmp_path)
    for block, actual in zip(blocks, printed, strict=True):
        assert_same_text(block.output or "", actual)


def test_the_number_of_laws_is_right():
    ours = sum("plugrad" in law.engines for law in LAWS)
    assert f"\n{ours} [laws]" in (DOCS / "tutorials/first-op.md").read_text(encoding="utf-8")
