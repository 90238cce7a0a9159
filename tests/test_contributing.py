"""The op that CONTRIBUTING.md has a newcomer write passes the checks it names."""

from __future__ import annotations

import re

import pytest

from plugrad.tests import checkout
from plugrad.tests.installed import needs_pinned_torch

GUIDE = (checkout.ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")


@needs_pinned_torch
@pytest.mark.slow
def test_its_op_passes_what_the_guide_runs(tmp_path):
    ((path, code),) = re.findall(
        r"Put this into\n`(ops/\S+\.py)`:\n\n```python\n(.*?)```", GUIDE, re.DOTALL
    )
    copy = checkout.copy_to(tmp_path / "a-clone")

    def run(*command):
        done = checkout.run_in(copy, "-m", *command)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def plugrad(line):
        assert f"\nplugrad {line}\n" in GUIDE
        return run("plugrad", *line.split())

    plugrad("new-op elementwise/gudermannian")
    (copy / path).write_text(code)
    assert "passed: 1 op" in plugrad("check gudermannian")
    assert "passed: 1 op" in plugrad("strength gudermannian")
    plugrad("stubs --builtins")
    run("ruff", "check", "ops", "tests/ops/elementwise")
    run("ruff", "format", "--check", "ops", "tests/ops/elementwise")
    # What a new op would upset if its methods were missing from the stub.
    touched = "tests/core/test_attached_methods.py", "tests/cli/stub_writer"
    run("pytest", "-q", "-n0", *touched, "tests/ops/elementwise/test_gudermannian.py")
