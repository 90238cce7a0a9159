"""Links to the repository's files lead to pages of the site."""

from __future__ import annotations

import pytest

from plugrad.docs.generator.sources import linked, relinked, source_page
from plugrad.tests.checkout import ROOT

PAGES = {"CONTRIBUTING.md": "contributing.md"}


@pytest.mark.parametrize(
    ("text", "place", "uri", "expected"),
    [
        (
            "[a](../../core/function.py)",
            "docs/laws/kinks.md",
            "laws/kinks.md",
            "[a](../source/core/function.py.html)",
        ),
        (
            "see [a `b`](../core/function.py#L3).",
            "docs/engine.md",
            "engine.md",
            "see [a `b`](source/core/function.py.html#L3).",
        ),
        ("[c](../CONTRIBUTING.md)", "docs/index.md", "index.md", "[c](contributing.md)"),
        (
            "[c](../../CONTRIBUTING.md)",
            "docs/packs/hooks.md",
            "packs/hooks.md",
            "[c](../contributing.md)",
        ),
        ("[d](docs/faults.md#x)", "README.md", "readme.md", "[d](faults.md#x)"),
        ("[d](docs/decisions)", "README.md", "readme.md", "[d](decisions/README.md)"),
        ("[g](core/function.py)", "README.md", "readme.md", "[g](source/core/function.py.html)"),
    ],
)
def test_a_link_is_led_to_its_page(text, place, uri, expected):
    assert relinked(text, place, uri, PAGES) == expected


@pytest.mark.parametrize(
    "text",
    [
        "[a](engine.md)",
        "[a](engine.md#backward)",
        "[a](#backward)",
        "[a](https://pytorch.org/docs)",
        "[a](../nothing/here.py)",
        "![a](images/a.svg)",
        "```python\nx[a](../core/function.py)\n```",
    ],
)
def test_other_links_are_left_to_mkdocs(text):
    assert relinked(text, "docs/index.md", "index.md", PAGES) == text
    assert linked(text, "docs/index.md") == set()


def test_what_is_linked_is_found():
    text = "[a](../core/function.py) [b](../errors.py#L3) [c](engine.md) [d](../core)"
    assert linked(text, "docs/index.md") == {"core/function.py", "errors.py"}


def test_a_links_text_may_go_on_in_the_next_line():
    assert linked("[how exact\nthey are](../errors.py)", "docs/index.md") == {"errors.py"}
    assert linked("a [list]\n\n[x\n\ny](../errors.py)", "docs/index.md") == set()


def test_a_sources_page_has_the_file_and_a_way_back():
    page = source_page("ops/elementwise/sin.py")
    assert 'href="../../../stylesheets/source.css"' in page
    assert 'href="../../../index.html"' in page
    assert 'id="L-1"' in page
    assert page.count("linenos") >= 1
    text = (ROOT / "ops/elementwise/sin.py").read_text(encoding="utf-8")
    assert f'id="L-{len(text.splitlines())}"' in page
