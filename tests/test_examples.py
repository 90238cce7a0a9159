"""Each example runs, and what it prints says that it did what torch does."""

from __future__ import annotations

import os
import re

import pytest

from plugrad.tests import checkout
from plugrad.tests.plugins.site import Site
from plugrad.tests.python_process import python

EXAMPLES = checkout.ROOT / "examples"
#: The packages that an example needs, its arguments for a quick run, the largest difference.
RUNS = {
    "custom_op_in_torch.py": ((), ["--backend", "aot_eager", "--steps", "60"], 1e-7),
    "gpt2_finetune.py": (("transformers",), ["--steps", "10"], 1e-5),
    "physics_informed.py": (("matplotlib",), ["solution.png", "--steps", "6"], 1e-9),
    "resnet_digits.py": (("sklearn",), ["--epochs", "2"], 1e-9),
}


def run(folder, name, *arguments):
    # In a folder and a process of its own; one of them needs the pack.
    site = Site(folder)
    site.metadata(site.path, "plugrad-special", "[plugrad]\nspecial = plugrad_special.plugin\n")
    source = checkout.ROOT / "packs" / "plugrad-special" / "src"
    environment = {
        "PYTHONPATH": f"{site.path}{os.pathsep}{source}",
        "PLUGRAD_PACKS": "plugrad-special",
        "HF_HUB_OFFLINE": "1",
        "MPLBACKEND": "Agg",
    }
    done = python(str(EXAMPLES / name), *arguments, cwd=site.work, env=os.environ | environment)
    assert done.returncode == 0, done.stderr
    return done.stdout, site.work


def numbers(pattern, printed):
    return [float(number) for number in re.findall(pattern, printed)]


def test_there_is_a_run_for_each_example():
    assert sorted(RUNS) == sorted(path.name for path in EXAMPLES.glob("*.py"))
    readme = (EXAMPLES / "README.md").read_text(encoding="utf-8")
    for name in RUNS:
        assert f"[{name}]({name})" in readme


@pytest.mark.slow
@pytest.mark.parametrize("name", RUNS)
def test_an_example_differs_from_torch_by_rounding(name, tmp_path):
    needs, arguments, bound = RUNS[name]
    for package in needs:
        pytest.importorskip(package)
    printed, folder = run(tmp_path, name, *arguments)
    (difference,) = numbers(r"largest .*difference.* from torch: (\S+)", printed)
    assert difference <= bound, printed
    CHECKS[name](printed, folder)


def _fits(printed, folder):
    losses = numbers(r"step +\d+: loss (\S+)", printed)
    assert losses[-1] < losses[0] / 50
    assert "compiled by aot_eager" in printed


def _learns_letters(printed, folder):
    losses = numbers(r"\n +\d+ +(\d\.\d+)", printed)
    assert losses[-1] < losses[0] - 0.7
    before, after = re.findall(r"(?:training|steps):\n(The [\s\S]{120})", printed)
    assert before != after


def _solves(printed, folder):
    (error,) = numbers(r"largest error of the solution: (\S+)", printed)
    assert error < 1e-3
    assert (folder / "solution.png").read_bytes().startswith(b"\x89PNG")


def _knows_digits(printed, folder):
    ours, theirs = zip(*re.findall(r"(\S+) on plugrad, (\S+) on torch", printed), strict=True)
    assert ours == theirs
    assert float(ours[-1]) > 0.7


CHECKS = {
    "custom_op_in_torch.py": _fits,
    "gpt2_finetune.py": _learns_letters,
    "physics_informed.py": _solves,
    "resnet_digits.py": _knows_digits,
}
