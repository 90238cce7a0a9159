"""``.ci/with-torch`` refuses what is not a version, before it makes anything."""

from __future__ import annotations

import shutil
import subprocess

import pytest

from plugrad.tests import checkout

SCRIPT = checkout.ROOT / ".ci" / "with-torch"


@pytest.mark.skipif(shutil.which("bash") is None, reason="there is no bash")
@pytest.mark.parametrize("arguments", [[], ["2"], ["latest"], ["2.6.0;x"]])
def test_it_refuses_what_is_not_a_version(arguments, tmp_path):
    done = subprocess.run(
        ["bash", str(SCRIPT), *arguments], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    assert "usage: bash .ci/with-torch VERSION|newest" in done.stderr
    assert "\n  fix: name a version, as in: bash .ci/with-torch 2.6.0\n" in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_the_oldest_version_is_said_once_and_again():
    (torch,) = [
        line for line in checkout.PYPROJECT["project"]["dependencies"] if line.startswith("torch")
    ]
    assert torch == "torch>=2.6"
    readme = (checkout.ROOT / "README.md").read_text(encoding="utf-8")
    guide = (checkout.ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    assert "torch 2.6 and later work" in readme
    assert "bash .ci/with-torch 2.6.0" in guide
