"""The layers hold, and import-linter sees when they do not."""

from __future__ import annotations

import pytest

from plugrad.tests import checkout

pytestmark = pytest.mark.slow

LINT = ("-c", "from importlinter.cli import lint_imports_command as lint; lint()", "--no-cache")


def test_they_hold():
    done = checkout.run_in(checkout.ROOT, *LINT)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.fixture(scope="module")
def report(tmp_path_factory):
    """Break every contract once in a copy, and lint that."""
    copy = checkout.copy_to(tmp_path_factory.mktemp("broken") / "copy")
    new = {
        "core/upward.py": "import plugrad.ops.elementwise.sin",
        "functional/sideward.py": "import plugrad.plugins.registry",
        "ops/elementwise/through_the_face.py": "import plugrad",
        "ops/elementwise/first.py": "from plugrad.ops.elementwise import sin, _helper",
        "ops/elementwise/_helper.py": "import plugrad.ops.elementwise.mul",
        "plugins/heavy.py": "import numpy",
        "stray/__init__.py": "",
    }
    for name, text in new.items():
        (copy / name).parent.mkdir(exist_ok=True)
        (copy / name).write_text(text + "\n")
    done = checkout.run_in(copy, *LINT)
    assert done.returncode == 1, done.stdout + done.stderr
    return " ".join(done.stdout.split())


@pytest.mark.parametrize(
    "found",
    [
        "plugrad.core.upward -> plugrad.ops.elementwise.sin",
        "plugrad.functional.sideward -> plugrad.plugins.registry",
        "plugrad.ops.elementwise.through_the_face -> plugrad (l.1)",
        "plugrad.ops.elementwise.first imports the op plugrad.ops.elementwise.sin",
        "plugrad.ops.elementwise._helper imports the op plugrad.ops.elementwise.mul",
        "plugrad.plugins.heavy -> numpy",
        "plugrad.stray",
    ],
)
def test_what_breaks_them_is_reported(report, found):
    assert found in report


def test_a_private_module_may_be_imported_by_ops(report):
    assert "imports the op plugrad.ops.elementwise._helper" not in report
