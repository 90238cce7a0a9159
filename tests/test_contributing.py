"""The op that CONTRIBUTING.md has a newcomer write passes the checks it names."""

from __future__ import annotations

import re

import pytest

from plugrad.tests import checkout

GUIDE = (checkout.ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")


@pytest.mark.slow
def test_its_op_passes_its_generic_tests(tmp_path):
    ((path, code),) = re.findall(r"Write `(ops/\S+\.py)`:\n\n```python\n(.*?)```", GUIDE, re.DOTALL)
    copy = checkout.copy_to(tmp_path / "a-clone")
    (copy / path).write_text(code)
    for command in ("check", "strength"):
        assert f"\nplugrad {command} erf\n" in GUIDE
        done = checkout.run_in(copy, "-m", "plugrad", command, "erf")
        assert done.returncode == 0, done.stdout + done.stderr
        assert "passed: 1 ops" in done.stdout
