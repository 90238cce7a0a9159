"""Where a new process finds a class."""

from __future__ import annotations

import os
import shlex
import textwrap

import pytest

import plugrad as pg
from plugrad.testing import check_op
from plugrad.testing.place import place_of
from plugrad.tests.python_process import python
from plugrad.tests.testing.an_op import an_op

CUBE = """
    import torch
    import plugrad as pg

    class Cube(pg.Function):
        @staticmethod
        def forward(ctx, x):
            ctx.save_for_backward(x)
            return x**3

        @staticmethod
        def backward(ctx, gy):
            (x,) = ctx.saved_tensors
            return gy * 3 * x**2

        @staticmethod
        def samples(make):
            yield pg.Sample(make(3))

    class Outer:
        class Cube(Cube):
            pass
"""
REPORT = """
    def main(op=Cube):
        print(pg.testing.check_op(op, laws=["complex"]))
"""
MAIN = """
    if __name__ == "__main__":
        main()
"""


class InATest(pg.Function):
    """y = x."""


def printed(folder, *arguments, path=""):
    """What ``python *arguments`` prints, run in ``folder``."""
    environment = {**os.environ, "PYTHONPATH": str(path), "PLUGRAD_PACKS": "none"}
    done = python(*arguments, cwd=folder, env=environment)
    return done.stdout + done.stderr


def write(path, *texts):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(map(textwrap.dedent, texts)), encoding="utf-8")
    return path


def reproduced(folder, told, **options):
    """The command that a report prints, which must say the same again."""
    (line,) = [x for x in told.splitlines() if x.startswith("  plugrad check ")]
    again = printed(folder, "-m", *shlex.split(line), **options)
    assert f"reproduce  {line.strip()}" in again, again
    return line.strip()


def test_a_script(tmp_path):
    write(tmp_path / "cube.py", CUBE, REPORT, MAIN)
    line = reproduced(tmp_path, printed(tmp_path, "cube.py"))
    assert line == "plugrad check cube.py:Cube --law complex --sample 0 --seed 0"


def test_a_script_in_another_folder_with_a_space_in_its_name(tmp_path):
    write(tmp_path / "my ops" / "cube.py", CUBE, REPORT, MAIN)
    line = reproduced(tmp_path, printed(tmp_path, "my ops/cube.py"))
    assert line.startswith("plugrad check 'my ops/cube.py:Cube' --law")


def test_a_script_that_is_elsewhere(tmp_path):
    script = write(tmp_path / "ops" / "cube.py", CUBE, REPORT, MAIN)
    (tmp_path / "here").mkdir()
    line = reproduced(tmp_path / "here", printed(tmp_path / "here", script))
    assert line.startswith(f"plugrad check {script}:Cube ")


@pytest.mark.slow
def test_a_module_and_a_class_in_a_class(tmp_path):
    write(tmp_path / "cubes" / "__init__.py", "from cubes.cube import *")
    write(tmp_path / "cubes" / "cube.py", "from . import __name__ as _", CUBE, REPORT, MAIN)
    told = printed(tmp_path, "-c", "from cubes.cube import *; main(Outer.Cube)")
    assert reproduced(tmp_path, told).startswith("plugrad check cubes.cube:Outer.Cube ")
    told = printed(tmp_path, "-m", "cubes.cube")
    assert reproduced(tmp_path, told).startswith("plugrad check cubes.cube:Cube ")


@pytest.mark.slow
def test_a_module_that_only_this_process_finds(tmp_path):
    source = tmp_path / "source"
    write(source / "cubes" / "__init__.py", "")
    write(source / "cubes" / "cube.py", CUBE, REPORT)
    write(source / "cubes" / "near.py", "from .cube import Cube, main\nclass Near(Cube): pass")
    code = f"import sys; sys.path.insert(0, {str(source)!r}); from cubes.cube import *; main()"
    line = reproduced(tmp_path, printed(tmp_path, "-c", code))
    assert line.startswith("plugrad check source/cubes/cube.py:Cube ")
    # A file that imports its neighbours cannot be imported alone.
    code = code.replace("from cubes.cube import *; main()", "from cubes.near import *; main(Near)")
    told = printed(tmp_path, "-c", code)
    assert "Near[0]-complex: " in told
    assert "plugrad check" not in told
    # Where a new process finds it, the module is named.
    told = printed(tmp_path, "-c", "from cubes.near import *; main(Near)", path=source)
    line = reproduced(tmp_path, told, path=source)
    assert line.startswith("plugrad check cubes.near:Near ")


def test_what_no_new_process_finds(tmp_path):
    local = an_op()
    assert place_of(local) == ""
    assert all(not result.reproduce for result in check_op(local, laws=["oracle"]))
    told = printed(tmp_path, "-c", textwrap.dedent(CUBE + REPORT) + "main()")
    assert "Cube[0]-complex: " in told
    assert "plugrad check" not in told


def test_a_class_whose_name_leads_to_another(monkeypatch):
    assert place_of(InATest) == f"{__name__}:InATest"
    other = type("InATest", (InATest,), {"__module__": __name__})
    assert place_of(other) == ""


TORCHS = """
    import torch
    import plugrad as pg

    class Twice(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            return x * 2

        @staticmethod
        def backward(ctx, gy):
            return gy * 3

    @torch.library.custom_op("place::twice", mutates_args=())
    def twice(x: torch.Tensor) -> torch.Tensor:
        return x * 2

    SAMPLES = {"Twice": lambda make: [pg.Sample(make(3))]}

    if __name__ == "__main__":
        for target in (Twice, twice, torch.ops.place.twice, torch.ops.aten.sin):
            (result,) = pg.testing.check_op(target, laws=["samples"])
            print(result.status, result.command)
"""


def test_what_is_torchs(tmp_path):
    write(tmp_path / "twice.py", TORCHS)
    assert printed(tmp_path, "twice.py").splitlines() == [
        "passed plugrad check twice.py:Twice",
        "failed plugrad check twice.py:twice",
        "failed plugrad check twice.py:twice",  # the operator of the same custom op
        "failed plugrad check torch.ops:aten.sin",
    ]
    command = ["check", "twice.py:Twice", "--law", "oracle"]
    assert " 1 result in " in printed(tmp_path, "-m", "plugrad", *command)


def test_an_op_of_the_programs_own_is_found_by_its_class_and_others_by_name(tmp_path):
    register = "\npg.registry.add(Cube)\n"
    write(tmp_path / "cube.py", CUBE.replace("class Cube", '@pg.op("cu")\n    class Cube', 1))
    code = f"from cube import *{register}print(pg.testing.check_op('cu', laws=['complex']))"
    line = reproduced(tmp_path, printed(tmp_path, "-c", code))
    assert line.startswith("plugrad check cube:Cube ")
    results = check_op("sin", laws=["oracle"]).results
    assert results[0].reproduce == "plugrad check sin --law oracle --sample 0 --seed 0"


@pytest.mark.parametrize("text", ["plugrad.ops.elementwise.sin:Sin", "sin"])
def test_what_was_asked_for_by_name_is_told_by_name(text):
    assert check_op(text, laws=["oracle"]).results[0].command == f"plugrad check {text}"
