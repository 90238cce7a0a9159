"""``plugrad special accuracy``: what it prints, writes and exits with."""

import json

import mpmath
import pytest
from plugrad_special.accuracy import gamma
from plugrad_special.accuracy.row import Row
from typer.testing import CliRunner

from plugrad.cli.app import app


def run(*arguments):
    return CliRunner().invoke(app, ["special", "accuracy", *map(str, arguments)])


def test_each_derivative_has_a_line_and_is_within_the_aim():
    done = run("modified_bessel_k0")
    assert done.exit_code == 0, done.output
    *lines, last = done.stdout.splitlines()
    assert [line.split()[:2] for line in lines] == [
        ["modified_bessel_k0", quantity] for quantity in ("f", "df/dx", "d2f/dx2") for _ in "12"
    ]
    assert all(float(line.split()[2]) < 1e-14 for line in lines)
    assert last == "4 of 4 derivatives within 1e-12"


def test_help_has_examples():
    done = run("--help")
    assert done.exit_code == 0, done.output
    assert "plugrad special accuracy igamma zeta\n" in done.stdout


@pytest.fixture
def wrong(monkeypatch):
    """A function that is 1e-9 off at 3, and so is its slope."""

    def doubled(arguments):
        (x,) = arguments
        return 2 * x * (1 + 1e-9 * (x == 3).double())

    points = [(1.0,), (3.0,), (0.0,)]
    rows = [
        Row("wrong", quantity, "|x| < 4", points, doubled, lambda x: 2 * mpmath.mpf(x))
        for quantity in ("f", "df/dx")
    ]
    monkeypatch.setattr(gamma, "ROWS", rows)


def test_a_derivative_that_misses_the_aim_is_told(wrong):
    done = run("wrong", "--json")
    assert done.exit_code == 1
    value, slope = json.loads(done.stdout)
    assert slope.pop("worst") == pytest.approx(1e-9, rel=1e-6)
    assert slope == {
        "function": "wrong", "quantity": "df/dx", "domain": "|x| < 4", "points": 3, "at": [3.0],
        "aim": 1e-12, "reached": False,
    }  # fmt: skip
    assert (value["aim"], value["reached"]) == (None, None)  # values are torch's
    lines = run("wrong").stdout.splitlines()
    assert lines[0].endswith("1.0e-09  |x| < 4")
    assert lines[1].endswith("1.0e-09  |x| < 4  MISSED")
    assert lines[2] == "0 of 1 derivatives within 1e-12"


def test_the_page_has_a_table_a_function(wrong, tmp_path):
    assert run("wrong", "modified_bessel_i0", "--markdown", tmp_path / "page.md").exit_code == 1
    text = (tmp_path / "page.md").read_text()
    assert "| [wrong](#wrong) | 1e-9 | **1e-9** | df/dx, \\|x\\| < 4 |\n" in text
    head = "| domain | f | df/dx |\n|---|--:|--:|\n"
    assert f"\n## wrong\n\n{head}| \\|x\\| < 4 | 1e-9 | **1e-9** |\n" in text
    assert "\n## modified_bessel_i0\n\n| domain | f | df/dx | d2f/dx2 |\n" in text


def test_bad_input(tmp_path):
    done = run("besel_j0")
    assert done.exit_code == 2
    assert "there is no function 'besel_j0'\n  fix: they are bessel_j0, bessel_j1" in done.stderr
    done = run("modified_bessel_i0", "--markdown", tmp_path)
    assert done.exit_code == 2
    assert "can't be written: Is a directory\n  fix: " in done.stderr


def test_it_says_what_to_install(monkeypatch):
    monkeypatch.setattr("plugrad_special.accuracy.command.find_spec", lambda name: None)
    done = run()
    assert done.exit_code == 2
    assert done.stderr == (
        "Error: accuracy needs mpmath and jinja2\n  fix: pip install 'plugrad-special[test]'\n"
    )
