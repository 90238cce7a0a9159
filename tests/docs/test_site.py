"""The site that ``mkdocs build --strict`` wrote hangs together, and needs no other server."""

from __future__ import annotations

import json
import re
from functools import cache
from html.parser import HTMLParser
from urllib.parse import unquote, urlsplit

import pytest

from plugrad.tests.checkout import ROOT

SITE = ROOT / "build" / "docs"
PAGES = sorted(SITE.rglob("*.html"))

pytestmark = pytest.mark.skipif(not PAGES, reason="mkdocs build --strict writes the site")


class Page(HTMLParser):
    """What a page loads, where it leads to, and the anchors that it has."""

    def __init__(self, path):
        super().__init__()
        self.loads, self.links, self.anchors = [], [], set()
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag, attrs):
        given = dict(attrs)
        self.anchors |= {given.get("id"), given.get("name")}
        if tag == "a" and given.get("href"):
            self.links.append(given["href"])
        if tag == "link" and given.get("rel") != "canonical":
            self.loads.append(given.get("href", ""))
        if tag in ("script", "img", "iframe", "source"):
            self.loads.append(given.get("src") or "")


page_at = cache(Page)


def test_nothing_is_loaded_from_elsewhere():
    for path in PAGES:
        for url in page_at(path).loads:
            split = urlsplit(url)
            assert split.scheme in ("", "data"), (path, url)
            assert not split.netloc, (path, url)
    for path in SITE.rglob("*.css"):
        assert "url(http" not in path.read_text(encoding="utf-8"), path
        assert "@import" not in path.read_text(encoding="utf-8"), path


def lost(path, url):
    """Whether a page's link leads nowhere; what another server has is not asked for."""
    split = urlsplit(url)
    if split.scheme in ("http", "https"):
        return False
    target = (path.parent / unquote(split.path)).resolve() if split.path else path
    if target.is_dir():
        target /= "index.html"
    if not target.is_file():
        return True
    anchored = split.fragment and target.suffix == ".html"
    return anchored and unquote(split.fragment) not in page_at(target).anchors


def test_every_link_leads_somewhere():
    # The links of 404.html begin at the server's root.
    pages = [path for path in PAGES if path.name != "404.html"]
    assert not [(str(p), url) for p in pages for url in page_at(p).links if lost(p, url)]


def test_the_pages_that_code_writes_are_there():
    for page in ("ops/index", "ops/elementwise", "ops/pack-special", "reference/commands"):
        assert SITE / f"{page}.html" in PAGES


def test_a_search_finds_softmax_before_what_torch_calls_inside():
    index = json.loads((SITE / "search" / "search_index.json").read_text(encoding="utf-8"))
    boosts = {entry["location"]: entry.get("boost", 1) for entry in index["docs"]}
    assert boosts["ops/activation.html#softmax_backward_data"] < 0.1
    assert boosts["ops/activation.html#nn-functional-softmax"] == 1
    separator = index["config"]["separator"]  # JavaScript's and Python's are the same here
    assert "softmax" in re.split(separator, "nn.functional.softmax")
