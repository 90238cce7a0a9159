"""``plugrad graph`` as a user runs it."""

from __future__ import annotations

import json
import re
import sys

import pytest

pytest.importorskip("typer")
from typer.testing import CliRunner

from plugrad.cli.app import app
from plugrad.tests.checkout import ROOT
from plugrad.tests.python_process import python

SCRIPT = """
import torch
from torch import nn
import plugrad as pg

print("imported")
model = pg.interop.convert(nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 2)))
x = pg.Variable(torch.ones(5, 4), requires_grad=True)
number = 3

def loss():
    print("called")
    return nn.functional.mse_loss(model(x), torch.zeros(5, 2))

def two():
    return model(x).sum(), (x * x).sum()

def ready():
    return pg.draw(loss(), params={"my": model})

def local():
    w = pg.Variable(torch.ones(2), requires_grad=True)
    return (w * 2).sum()

def fails():
    raise ZeroDivisionError("because")

def needs(a):
    return a

def plain():
    return torch.ones(3)

def vector():
    return x * 2
"""


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "script.py").write_text(SCRIPT)
    yield tmp_path
    sys.modules.pop("script", None)


def run(*arguments):
    return CliRunner().invoke(app, ["graph", *arguments])


def data_of(path):
    text = path.read_text(encoding="utf-8")
    found = re.search(r'<script type="application/json" id="data">(.*?)</script>', text, re.DOTALL)
    return json.loads(found[1])


def test_it_writes_a_page_and_says_where(folder):
    done = run("script.py:loss")
    assert done.exit_code == 0, done.output
    page = folder / "graph.html"
    assert done.stdout == f"{page}: 9 steps, 5 leaves among them, in 4 modules\n"
    assert "called" in done.stderr
    data = data_of(page)
    assert [name for name, *_ in data["folds"]] == ["model", "model.0", "model.1", "model.2"]
    assert {step.get("name") for step in data["steps"]} >= {"x", "model.0.weight", "model.2.bias"}
    assert not data["watched"]
    assert all("lines" not in step for step in data["steps"])


def test_gradients_and_lines(folder):
    done = run("script.py:loss", "--gradients", "--lines", "-o", "here.html")
    assert done.exit_code == 0, done.output
    data = data_of(folder / "here.html")
    assert data["watched"]
    assert all("flow" in step for step in data["steps"])
    (first, *_) = data["steps"]
    line = data["texts"][first["lines"][0]]
    assert line.startswith(f"{folder / 'script.py'}:13 in loss: return nn.functional.mse_loss(")


def test_several_outputs_as_dot(folder):
    assert run("script.py:two", "--output", "two.dot").exit_code == 0
    text = (folder / "two.dot").read_text(encoding="utf-8")
    assert 'output0 [label="y[0]"' in text
    assert 'output1 [label="y[1]"' in text


def test_a_drawing_that_the_function_returns_is_written(folder):
    done = run("script.py:ready")
    assert done.exit_code == 0, done.output
    assert {step.get("name") for step in data_of(folder / "graph.html")["steps"]} >= {"my.0.weight"}


def test_a_module_by_its_name(folder):
    done = run("script:local")
    assert done.exit_code == 0, done.output
    assert "3 steps, 1 leaf among them\n" in done.stdout


@pytest.mark.parametrize(
    ("arguments", "what", "fix"),
    [
        (["script.py"], "'script.py' does not name a function", "plugrad graph script.py:loss"),
        (["script.py:nope"], "script.py has no 'nope'", "plugrad graph script.py:loss"),
        (["no.py:f"], "there is no file no.py", "plugrad graph no.py:loss"),
        (["no_such:f"], "there is no module 'no_such'", "plugrad graph script.py:loss"),
        (
            ["script.py:number"],
            "script.py:number is not a function but of <class 'int'>",
            "script.py:loss",
        ),
        (["script.py:model"], "is not a function but of <class", "script.py:loss"),
        (["script.py:needs"], "without arguments: missing a required argument: 'a'", "write a"),
        (["script.py:plain"], "given a Tensor, not a Variable", "plugrad.interop.convert(model)"),
        (
            ["script.py:vector", "--gradients"],
            "no gradient to start from",
            "return one number, as by .sum()",
        ),
        (["script.py:loss", "-o", "a.gif"], ".gif is not a format", "a.html"),
        (["script.py:loss", "-o", "no/a.html"], "no/a.html can't be written", "an existing folder"),
    ],
)
def test_what_is_wrong_is_said_with_a_fix(folder, arguments, what, fix):
    done = run(*arguments)
    assert done.exit_code == 2, done.output
    assert what in done.stderr
    assert "fix: " in done.stderr
    assert fix in done.stderr
    assert "Traceback" not in done.stderr
    assert not done.stdout
    assert not (folder / "graph.html").exists()


def test_without_graphviz_nothing_is_run(monkeypatch, folder):
    monkeypatch.setenv("PATH", str(folder))
    done = run("script.py:loss", "-o", "a.svg")
    assert done.exit_code == 2
    assert "apt-get install graphviz" in done.stderr
    assert "called" not in done.stderr


def test_what_the_function_raises_is_shown():
    done = run("script.py:fails")
    assert done.exit_code == 1
    assert "ZeroDivisionError: because" in done.stderr
    assert done.stderr.endswith("Error: script.py:fails raised ZeroDivisionError\n")


def test_a_file_that_cannot_be_imported(folder):
    (folder / "broken.py").write_text("1 / 0")
    done = run("broken.py:f")
    assert done.exit_code == 2
    assert "fix: make `python broken.py` run without an error" in done.stderr


def test_the_help_does_not_import_what_draws():
    code = (
        "import sys\nfrom typer.testing import CliRunner\nfrom plugrad.cli.app import app\n"
        "done = CliRunner().invoke(app, ['graph', '--help'])\n"
        "print(done.exit_code, 'plugrad.drawing' in sys.modules)"
    )
    done = python("-c", code, cwd=ROOT.parent)
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == ["0", "False"]
