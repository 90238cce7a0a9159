"""What a failing check tells to type shows the failure again, whatever was checked, and how."""

from __future__ import annotations

import os
import re

import pytest

pytest.importorskip("typer")
pytest.importorskip("rich")
pytest.importorskip("jinja2")

from plugrad.tests.docs.commands.folders import KERNEL, SAMPLES, entry_points_of, install, write
from plugrad.tests.docs.commands.shell import Shell

#: What prints a command: a report, a failure, a list of survivors.
TOLD = re.compile(
    r"(?:^|\s|`)((?:plugrad (?:check|strength|explain)|pytest --plugrad[\w-]*) [^`\n]+)"
)

OWN = """
import plugrad as pg


@pg.op("halved")
class Halved(pg.Function):
    '''y = x^2;  gx = 2 gy x.'''

    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x * x

    @staticmethod
    def backward(ctx, gy):
        (x,) = ctx.saved_tensors
        return gy * x

    @staticmethod
    def samples(make):
        yield pg.Sample(make(3))
"""
#: The same rule with the slope of another function: what a check finds, and samples of one number,
#: which few faults show in.
WRONG = KERNEL.format(name="Swish").replace("s + x * s * (1 - s)", "s + x * s")
WEAK = SAMPLES.replace("make(3, 4)", "make(2, low=0.5, high=0.75)").replace(
    "    yield Sample(make.tensor([-40.0, 0.0, 40.0]))\n", ""
)
RUN_IT = """
if __name__ == "__main__":
    print(pg.testing.check_op(Halved, laws=["numeric"]))
    print(pg.testing.op_strength("sin", faults=["detached"]))
"""


@pytest.fixture(scope="module")
def shell(tmp_path_factory):
    return Shell(tmp_path_factory.mktemp("shell"))


def told_by(output):
    """The commands in it, each once."""
    return list(dict.fromkeys(match.strip() for match in TOLD.findall(output)))


def assert_true(shell, commands, folder, **environment):
    """Assert that each shows a failure again, or a page, of what it names."""
    for command in commands:
        done = shell.run(command, folder, **environment)
        pages = command.startswith("plugrad explain")
        assert done.status == (0 if pages else 1), f"{command}\n{done}"
        names = re.findall(r"--(?:plugrad-)?(?:law|fault) '?([\w-]+)", command)
        assert all(name in done.output for name in names or command.split()[2:3]), command


@pytest.mark.parametrize(
    ("command", "files", "count"),
    [
        ("plugrad check wrong.py:Halved --law numeric", {"wrong.py": OWN}, 1),
        ("plugrad check wrong.py --law numeric --law oracle", {"wrong.py": OWN}, 2),
        (
            "plugrad check kernels.py:Swish --samples some.py --law numeric",
            {"kernels.py": WRONG, "some.py": SAMPLES},
            2,
        ),
        (
            "plugrad check kernels.py:Swish --law numeric",
            {"kernels.py": WRONG, "plugrad_samples.py": SAMPLES},
            2,
        ),
        (
            "plugrad check package: --law numeric",
            {"package/__init__.py": "", "package/inner.py": WRONG, "plugrad_samples.py": SAMPLES},
            2,
        ),
        ("plugrad check in a folder/wrong.py --law numeric", {"in a folder/wrong.py": OWN}, 1),
        ("python wrong.py", {"wrong.py": OWN + RUN_IT}, 1),
        (
            "plugrad strength kernels.py:Swish --samples weak.py",
            {"kernels.py": KERNEL.format(name="Swish"), "weak.py": WEAK},
            1,
        ),
    ],
)
def test_of_what_is_in_files(command, files, count, tmp_path, shell):
    write(tmp_path, files)
    environment = {"PLUGRAD_PACKS": "none", "PYTHONPATH": str(tmp_path)}
    typed = command.replace("in a folder/wrong.py", "'in a folder/wrong.py'")
    done = shell.run(typed, tmp_path, **environment)
    told = told_by(done.output)
    again = [c for c in told if " explain " not in c]
    assert len(again) >= count, done
    assert_true(shell, told[:4], tmp_path, **environment)


@pytest.mark.slow
@pytest.mark.parametrize("tool", ["plugrad", "pytest"])
def test_of_a_packs_op(tool, tmp_path, shell):
    site, work = tmp_path / "site", tmp_path / "work"
    work.mkdir()
    assert shell.run("plugrad new-pack softclip", tmp_path, PLUGRAD_PACKS="none").status == 0
    pack = tmp_path / "plugrad-softclip"
    install(site, "plugrad-softclip", entry_points_of(pack))
    module = pack / "src" / "plugrad_softclip" / "ops" / "softclip.py"
    text = module.read_text(encoding="utf-8")
    broken = re.sub(r"return gy \* |return gy / ", "return 2 * gy * ", text)
    assert broken != text
    module.write_text(broken)
    environment = {
        "PLUGRAD_PACKS": "plugrad-softclip",
        "PYTHONPATH": f"{site}{os.pathsep}{pack / 'src'}",
    }
    check = {
        "plugrad": "plugrad check softclip:: --law numeric",
        "pytest": "pytest --plugrad-pack softclip --plugrad-law numeric -q -p no:cacheprovider",
    }
    done = shell.run(check[tool], work, **environment)
    told = told_by(done.output)
    assert [c for c in told if c.startswith(f"{tool} ")], done
    assert_true(shell, told[:3], work, **environment)
