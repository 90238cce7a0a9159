"""The tutorial "your first pack", followed word for word in an environment of its own."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import venv

import pytest

from plugrad.tests.checkout import ROOT
from plugrad.tests.docs.page import blocks_of

BLOCKS = blocks_of(ROOT / "docs" / "tutorials" / "first-pack.md")
#: Commands of the tutorial that run with the environment's own Python.
COMMANDS = ("pip", "plugrad", "pytest")
END = "@@@ end of block"


def environment(folder):
    """A venv that has, below what is installed into it, all that this one has.

    So installing takes no network; what it says of itself is still the tutorial's words.
    """
    venv.create(folder / "venv", with_pip=False, symlinks=True)
    (packages,) = (folder / "venv").glob("lib/python*/site-packages")
    below = [entry for entry in sys.path if entry.endswith("site-packages")]
    (packages / "below.pth").write_text(f"import site; [*map(site.addsitedir, {below!r})]\n")
    programs = folder / "venv" / "bin"
    for name in COMMANDS:
        (programs / name).write_text(f'#!/bin/sh\nexec "{programs}/python" -m {name} "$@"\n')
        (programs / name).chmod(0o755)
    unwanted = {"PYTEST_ADDOPTS", "PYTEST_XDIST_WORKER", "PYTHONPATH", "PLUGRAD_STRICT"}
    return {
        **{name: value for name, value in os.environ.items() if name not in unwanted},
        "PATH": f"{programs}{os.pathsep}{os.environ['PATH']}",
        "PLUGRAD_PACKS": "plugrad-softclip",
        "PIP_DISABLE_PIP_VERSION_CHECK": "1",
        "PIP_NO_BUILD_ISOLATION": "0",  # pip's way to say: none
        "PIP_NO_DEPS": "1",
        "PIP_NO_INDEX": "1",
        "PIP_QUIET": "1",
        "XDG_CACHE_HOME": str(folder / "cache"),
    }


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
    """A line without what changes from run to run: its numbers and its spaces."""
    return re.sub(r"\d+(\.\d+)?", "#", " ".join(line.split()))


@pytest.mark.slow
def test_the_tutorial_can_be_followed(tmp_path):
    done = subprocess.run(
        ["bash", "-c", script()],
        cwd=tmp_path,
        env=environment(tmp_path),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    printed = done.stdout.split(f"{END}\n")
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
