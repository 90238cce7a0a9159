"""Drawing: the files it writes, what a notebook shows, and that names stay names."""

from __future__ import annotations

import html
import json
import os
import re
import shutil
import sys
from html.parser import HTMLParser
from pathlib import Path

import pytest

import plugrad as pg
from plugrad.drawing.dot import bytes_text, quoted
from plugrad.errors import DrawingFileError
from plugrad.tests.drawing.graphs import a_layer, leaf
from plugrad.tests.python_process import python

NASTY = '</script><script>alert("1")</script>&amp; "\\ \u2028 \U0001f600 ${x} $title'


class Parser(HTMLParser):
    """The tags of a page, its links, and the texts of its scripts."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.links, self.scripts = [], [], []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.links += [value for name, value in attrs if name in {"src", "href"}]
        if tag == "script":
            self.scripts.append("")

    def handle_data(self, data):
        if self.lasttag == "script":
            self.scripts[-1] += data


def data_of(text):
    found = re.search(r'<script type="application/json" id="data">(.*?)</script>', text, re.DOTALL)
    return json.loads(found[1], parse_constant=pytest.fail)


@pytest.fixture
def drawing():
    y, params = a_layer()
    return pg.draw(y, params=params)


# --- the page ------------------------------------------------------------------------


def test_the_page_needs_nothing_else(drawing):
    parser = Parser(drawing.html)
    assert parser.links == ["data:,"]
    assert parser.tags.count("script") == 2
    assert "default-src 'none'" in drawing.html
    for word in ("@import", "url(http", "fetch(", "XMLHttpRequest", "innerHTML"):
        assert word not in drawing.html
    assert set(re.findall(r"https?://[^\"')]+", drawing.html)) == {"http://www.w3.org/2000/svg"}


def test_the_page_has_the_data(drawing):
    data = data_of(drawing.html)
    tanh = data["steps"][3]
    assert data["ops"][tanh["op"]][:3] == [
        "tanh",
        "elementwise",
        "y = tanh(x);  gx = gy conj(1 - y^2).",
    ]
    assert tanh["n"] == 4
    assert [data["texts"][t] for t in tanh["out"][0]] == ["(4, 2)", "float32"]
    assert data["outputs"] == [["y", 0, 0]]
    assert data["bytes"] == 64
    assert not data["watched"]


def test_names_cannot_leave_their_place(tmp_path):
    x = leaf(2)
    drawing = pg.draw({NASTY: x.sin(), "b": x.cos()}, params={NASTY: x})
    parser = Parser(drawing.html)
    assert parser.tags.count("script") == 2
    assert data_of(drawing.html)["steps"][-1]["name"] == NASTY
    assert 'alert("1")' not in drawing.html.replace("\\u003cscript\\u003ealert(\\", "")
    assert drawing.save(tmp_path / "page.html").read_text(encoding="utf-8") == drawing.html
    assert '</script><script>alert(\\"1\\")' in drawing.dot  # quoted: Graphviz shows it as it is


def test_a_notebook_shows_the_page_in_a_frame(drawing):
    shown = drawing._repr_html_()
    (frame,) = re.findall(r'<iframe srcdoc="([^"]*)"', shown)
    assert html.unescape(frame) == drawing.html
    assert 'sandbox="allow-scripts"' in shown
    assert Parser(shown).tags == ["iframe"]


def test_shapes_and_saved_can_be_left_out():
    y, params = a_layer()
    drawing = pg.draw(y, params=params, show_shapes=False, show_saved=False)
    assert "(4, 2)" not in drawing.dot
    assert "saves" not in drawing.dot
    data = data_of(drawing.html)
    assert (data["shapes"], data["saved"]) == (False, False)


# --- DOT and Graphviz ----------------------------------------------------------------


def test_dot(drawing):
    lines = [line.strip() for line in drawing.dot.splitlines()]
    assert lines[0] == "digraph backward {"
    assert lines[-1] == "}"
    assert 'step3 [label="4  tanh\\n(4, 2) float32\\nsaves 32 B", fillcolor="#ffffff"]' in lines
    assert 'output0 [label="y", shape=oval, fillcolor="#dbe7ff"]' in lines
    assert {line for line in lines if line.startswith(("step1 ->", "output0 ->"))} == {
        "output0 -> step0",
        "step1 -> step2",
        "step1 -> step3",
    }


def test_dot_shows_what_flowed():
    y, params = a_layer()
    drawing = pg.draw(y, params=params, gradients=True)
    assert '1  sum\\nscalar float32\\n|gradient| 1"' in drawing.dot


def test_labels_are_quoted():
    assert quoted('a"b', "c\\d\ne") == '"a\\"b\\nc\\\\d e"'


@pytest.mark.parametrize(
    ("count", "text"),
    [(0, "0 B"), (999, "999 B"), (1024, "1.02 KB"), (5_100_000, "5.1 MB"), (2**40, "1.1e+03 GB")],
)
def test_bytes_in_words(count, text):
    assert bytes_text(count) == text


def test_a_drawing_is_saved_by_its_suffix(drawing, tmp_path):
    assert drawing.save(tmp_path / "a.dot") == tmp_path / "a.dot"
    assert (tmp_path / "a.dot").read_text(encoding="utf-8") == drawing.dot
    drawing.save(str(tmp_path / "b.HTML"))
    assert (tmp_path / "b.HTML").read_text(encoding="utf-8").startswith("<!doctype html>")


@pytest.mark.parametrize(("name", "what"), [("a.pdf", ".pdf is not a format"), ("a", "no suffix")])
def test_another_suffix_is_refused(drawing, tmp_path, name, what):
    with pytest.raises(DrawingFileError, match=what) as raised:
        drawing.save(tmp_path / name)
    assert "a.html" in raised.value.fix
    assert drawing.save(tmp_path / "a.html").is_file()


def test_a_file_that_cannot_be_written(drawing, tmp_path):
    with pytest.raises(DrawingFileError, match="cannot be written: No such file") as raised:
        drawing.save(tmp_path / "no" / "a.html")
    assert "a folder that exists" in raised.value.fix


@pytest.mark.parametrize("suffix", [".svg", ".png"])
def test_without_graphviz(drawing, tmp_path, monkeypatch, suffix):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(
        DrawingFileError, match="dot of Graphviz, which is not on the PATH"
    ) as raised:
        drawing.save(tmp_path / f"a{suffix}")
    assert "apt-get install graphviz" in raised.value.fix
    assert "or name a .html file" in raised.value.fix
    drawing.save(tmp_path / "a.html")
    drawing.save(tmp_path / "a.dot")


def program(folder, text):
    path = folder / "dot"
    path.write_text(f"#!{sys.executable}\nimport sys, time\n{text}\n")
    path.chmod(0o755)


@pytest.mark.skipif(os.name == "nt", reason="a program is a script")
def test_graphviz_is_given_the_text(drawing, tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    program(tmp_path, "sys.stdout.write(sys.argv[1] + sys.stdin.read())")
    assert drawing.save(tmp_path / "a.svg").read_text() == f"-Tsvg{drawing.dot}"
    program(tmp_path, "sys.exit('it hurts')")
    with pytest.raises(DrawingFileError, match="could not draw the graph: it hurts"):
        drawing.save(tmp_path / "a.png")
    program(tmp_path, "time.sleep(9)")
    monkeypatch.setattr("plugrad.drawing.dot.PATIENCE", 0.05)
    with pytest.raises(DrawingFileError, match="was not ready after") as raised:
        drawing.save(tmp_path / "a.png")
    assert raised.value.fix == "name a .html file, which needs no Graphviz"


@pytest.mark.skipif(shutil.which("dot") is None, reason="needs Graphviz: apt-get install graphviz")
def test_graphviz_itself(tmp_path):
    x = leaf(2)
    drawing = pg.draw({NASTY: x.sin()}, params={NASTY.replace("\u2028", ""): x})
    assert b"<svg" in drawing.save(tmp_path / "a.svg").read_bytes()
    assert drawing.save(tmp_path / "a.png").read_bytes().startswith(b"\x89PNG")


# --- import --------------------------------------------------------------------------


def test_it_is_imported_only_when_it_is_used():
    code = (
        "import sys, plugrad as pg\n"
        "assert 'plugrad.drawing' not in sys.modules\n"
        "assert 'draw' in dir(pg)\n"
        "pg.draw\n"
        "assert 'plugrad.drawing' in sys.modules\n"
        "print(pg.draw.__module__, 'jinja2' in sys.modules)\n"
    )
    done = python("-c", code)
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == ["plugrad.drawing.draw", "False"]


def test_what_the_page_is_made_of_is_package_data():
    import plugrad.drawing

    room = Path(plugrad.drawing.__file__).parent
    made_of = {path.name for path in room.iterdir() if path.suffix in {".css", ".html", ".js"}}
    assert made_of == {"boxes.js", "layout.js", "page.css", "page.html", "page.js"}
