"""Page: the code blocks of a page of the documentation, and ways to run them."""

from __future__ import annotations

import json
import math
import re
from dataclasses import dataclass
from itertools import zip_longest

from plugrad.tests.python_process import python

_BLOCK = re.compile(r"^```(\w+)([^\n]*)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
_NUMBER = re.compile(r"[-+]?\d+\.\d+(?:e[-+]?\d+)?")

# Each block is compiled by itself, as a notebook's cell is, and its source can be read.
_RUNNER = """
import contextlib, io, json, linecache, sys
for number, source in enumerate(json.load(open(sys.argv[1]))):
    name = f"<block {number}>"
    linecache.cache[name] = len(source), None, source.splitlines(True), name
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        exec(compile(source, name, "exec"), globals())
    print(json.dumps(printed.getvalue()))
"""


@dataclass(frozen=True)
class Block:
    """A fenced block of code.

    ``title`` names the file that it is, if it is one. ``output`` is the text block that
    follows it at once, or None.
    """

    language: str
    title: str
    text: str
    output: str | None


def blocks_of(path):
    """The blocks of the page at ``path``, those of another's output left out."""
    text = path.read_text(encoding="utf-8")
    found = list(_BLOCK.finditer(text))
    blocks, outputs = [], set()
    for match, following in zip_longest(found, found[1:]):
        output = None
        if following is not None and following[1] == "text" and match[1] != "text":
            between = text[match.end() : following.start()]
            if not between.strip():
                output = following[3]
                outputs.add(following.start())
        if match.start() not in outputs:
            title = re.search(r'title="([^"]+)"', match[2])
            blocks.append(Block(match[1], title[1] if title else "", match[3], output))
    return blocks


def printed_by(sources, folder):
    """What each of these pieces of a program prints, run one after the other in one process."""
    (folder / "my_ops.py").write_text(_RUNNER)
    (folder / "blocks.json").write_text(json.dumps(sources))
    done = python("-W", "error", "my_ops.py", "blocks.json", cwd=folder)
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def assert_same_text(expected, actual):
    """Assert that two texts are the same but for the last digits of their numbers."""
    assert _NUMBER.sub("#", actual).rstrip() == _NUMBER.sub("#", expected).rstrip(), actual
    numbers = [_NUMBER.findall(text) for text in (expected, actual)]
    for wanted, got in zip(*numbers, strict=True):
        near = math.isclose(float(wanted), float(got), rel_tol=2e-3, abs_tol=_last_digit(wanted))
        assert near, actual


def _last_digit(number):
    """A bit more than one in the last digit of a number; next to nothing if it has an exponent."""
    return 1e-12 if "e" in number else 1.01 * 10.0 ** -len(number.partition(".")[2])
