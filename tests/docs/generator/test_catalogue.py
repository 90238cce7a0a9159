"""The catalogue has every op, once, with what is true of it."""

from __future__ import annotations

import json
import re

import pytest

import plugrad as pg
from plugrad.tests.checkout import ROOT
from plugrad.tests.python_process import python

# In a process of its own: it imports the packs of this repository, installed or not.
PROGRAM = """
import json
from plugrad.docs.generator.catalogue import catalogue, internal_places
print(json.dumps([catalogue(), sorted(internal_places())]))
"""


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    done = python("-W", "error", "-c", PROGRAM, cwd=tmp_path_factory.mktemp("elsewhere"))
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.fixture(scope="module")
def pages(written):
    return written[0]


def sections(page):
    """The text of each op's section, by the op's name."""
    parts = re.split(r"^## `([^`]+)`", page, flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def test_every_built_in_op_has_a_section_on_its_category_s_page(pages):
    for entry in pg.registry:
        if entry.pack == "plugrad":
            category = entry.module.split(".")[2]
            section = sections(pages[f"{category}.md"])[entry.name]
            assert f"(../../ops/{category}/" in section
            assert all(f"`{name}`" in section for name in entry.attributes)


def test_the_packs_of_the_repository_have_pages(pages):
    found = {path.name for path in ROOT.glob("packs/*") if (path / "pyproject.toml").is_file()}
    assert found
    for distribution in found:
        page = pages[f"pack-{distribution.removeprefix('plugrad-')}.md"]
        assert f"(../../packs/{distribution}/src/" in page
        assert sections(page)


def test_a_section_tells_what_there_is_to_tell(pages):
    section = sections(pages["elementwise.md"])["sin"]
    assert "sin(x: Tensor) -> Tensor" in section
    assert "y = sin(x), x in radians;  gx = gy conj(cos(x))." in section
    assert (
        "- Methods: `sin`\n- In place: `sin_`\n"
        "- Stands for: `torch.sin`, `torch.ops.aten.sin.default`\n" in section
    )
    assert (
        "- Declared: elementwise\n- Derivatives: of any order\n- Complex numbers: yes\n"
        "- In torch: yes\n" in section
    )
    assert "- Derivatives: the first\n" in sections(pages["creation.md"])["standard_gamma"]
    assert "- Domain: " in sections(pages["linalg.md"])["linalg.cholesky_ex"]
    assert "- Complex numbers: no\n" in sections(pages["special.md"])["erf"]
    assert "- In torch: yes\n" in sections(pages["indexing.md"])["getitem"]
    assert "- Source: [ops/elementwise/sin.py](../../ops/elementwise/sin.py)" in section
    assert "no gradient" in sections(pages["comparison.md"])["eq"]


def test_the_index_leads_to_every_section(pages):
    links = re.findall(r"\((\S+\.md)#(\S+)\)", pages["README.md"])
    anchors = {
        (file, anchor)
        for file, page in pages.items()
        for anchor in re.findall(r"^## `.*\{ #(\S+)", page, re.MULTILINE)
    }
    assert set(links) == anchors
    assert len(links) == len(set(links))


def test_the_first_line_counts(pages):
    counted = sum(len(sections(page)) for page in pages.values())
    assert f"The {counted} ops that this repository has" in pages["README.md"]


def test_a_search_shows_an_op_before_the_internal_ones_of_a_like_name(written):
    pages, internal = written
    for place in (
        "activation.html#softmax_backward_data",
        "activation.html#softmax_forward",
        "normalization.html#native_layer_norm",
        "pooling.html#upsample_nearest2d",  # nn.functional.interpolate calls it
        "elementwise.html#add_scalar",
    ):
        assert f"ops/{place}" in internal
    for name in ("activation.html#nn-functional-softmax", "elementwise.html#sin", "shape.html#mt"):
        assert not any(place.startswith(f"ops/{name}") for place in internal)
    for place in internal:
        page, _, anchor = place.removeprefix("ops/").partition("#")
        assert f"{{ #{anchor} " in pages[page.replace(".html", ".md")]
