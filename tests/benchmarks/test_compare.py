"""Two checkouts are compared: each runs its own plugrad; what the numbers are is not tested."""

from __future__ import annotations

from pathlib import Path

import pytest

pytest.importorskip("typer")

from typer.testing import CliRunner

import plugrad
from plugrad.benchmarks.compare import app, compared


@pytest.fixture
def root(tmp_path):
    """This checkout under the name that it must have, whatever its folder is called."""
    link = tmp_path / "named" / "plugrad"
    link.parent.mkdir()
    link.symlink_to(Path(plugrad.__file__).parent)
    return link


def run(*arguments):
    return CliRunner().invoke(app, [*map(str, arguments), "--tiny", "--rounds", "1"])


@pytest.mark.slow
def test_a_checkout_is_compared_with_itself(root):
    done = run(root, root, "--only", "own", "--only", "memory", "--times", "2")
    assert done.exit_code == 0, done.output
    rows = [line for line in done.stdout.splitlines() if line.startswith("│")]
    assert len(rows) == 3
    ratios = [cell.strip() for cell in rows[-1].split("│")[2:4]]
    assert ratios == ["1.000", "1.000"]  # bytes, which are the same


def test_a_folder_that_is_not_a_checkout_is_refused(tmp_path, root):
    done = run(tmp_path, root)
    assert done.exit_code == 2
    assert "is not a checkout of plugrad" in done.output
    assert "fix: name a folder called plugrad" in done.output


@pytest.mark.slow
def test_an_unknown_row_is_refused(root):
    done = run(root, root, "--only", "everything")
    assert done.exit_code == 2
    assert "no row has 'everything' in its name" in done.output
    assert "fix: choose from chain of small ops" in done.output


def test_sides_take_turns_and_the_least_counts():
    calls = []

    class Side:
        def __init__(self, name, numbers):
            self.name, self.numbers = name, iter(numbers)

        def measure(self, row):
            calls.append(self.name + row)
            return next(self.numbers)

    assert compared(Side("a", [1, 5, 4, 6]), Side("b", [0, 3, 9, 2]), "!", 3) == (4, 2)
    assert "".join(calls) == "b!a!a!b!b!a!a!b!"
