"""The tutorial "your first pack", followed word for word in an environment of its own."""

from __future__ import annotations

import re

import pytest

from plugrad.tests.checkout import ROOT
from plugrad.tests.cli.author_environment import AuthorEnvironment, dependencies, link
from plugrad.tests.docs.page import blocks_of

BLOCKS = blocks_of(ROOT / "docs" / "tutorials" / "first-pack.md")
END = "@@@ end of block"


def script():
    """The tutorial as a shell script."""
    parts = ["set -e"]
    for block in BLOCKS:
        if block.title:
            parts.append(f"cat > {block.title} <<'FILE'\n{block.text}FILE")
        elif block.language == "python":
            parts.append(f"python - <<'CODE'\n{block.text}CODE")
        elif block.text.startswith("python -m build"):
            parts.append("python -m build --no-isolation --wheel > /dev/null; ls dist")
        else:
            parts.append(block.text)
        parts.append(f"echo '{END}'")
    return "\n".join(parts)


def words(line):
    """A line without what changes from run to run: the times, and the spaces beside them."""
    return re.sub(r"\b\d+(\.\d+)? s\b", "# s", " ".join(line.split()))


@pytest.mark.slow
def test_the_tutorial_can_be_followed(tmp_path):
    environment = AuthorEnvironment(tmp_path / "venv")
    for name in dependencies(["build", "ruff"]):  # what the pack's extra `dev` asks for besides
        link(name, environment.site)
    (tmp_path / "work").mkdir()
    printed = environment.run(script(), tmp_path / "work").split(f"{END}\n")
    for block, actual in zip(BLOCKS, printed, strict=False):
        lines = iter(words(line) for line in actual.splitlines())
        for line in (block.output or "").splitlines():
            assert words(line) in lines, f"{line!r} is not (any more) in\n{actual}"
    assert "plugrad_softclip-0.1.0-py3-none-any.whl" in printed[-2]


def test_the_tutorials_op_is_the_first_tutorials():
    (own,) = [block.text for block in BLOCKS if block.title]
    first = blocks_of(ROOT / "docs" / "tutorials" / "first-op.md")
    rule = re.compile(r"    @staticmethod\n    def backward.*?\n\n", re.DOTALL)
    finished = [block.text for block in first if rule.search(block.text)][-1]
    plain = finished.replace("pg.", "")
    assert rule.search(own)[0] == rule.search(plain)[0]
