"""The built-in ops: what torch lacks leaves one out, and a mistake does not."""

from __future__ import annotations

import importlib
import subprocess
import sys

import pytest
import torch

import plugrad as pg
from plugrad.errors import UnknownOpError, UnknownTorchFunctionError
from plugrad.plugins.absent import AbsentOp
from plugrad.plugins.default import make_manager, make_registry
from plugrad.tests import checkout

OP = """
import torch
{before}
from plugrad.core import Composite, op

@op("{name}", methods=("soften", "__matmul__"), overrides=({overrides},))
class New(Composite):
    '''y = x.'''

    @staticmethod
    def forward(x):
        return x
"""


@pytest.fixture
def registry_with(monkeypatch, tmp_path):
    """A registry made as plugrad's own is, where one more module has this code."""

    def made(code, module="soften"):
        folder = importlib.import_module("plugrad.ops.elementwise")
        (tmp_path / f"{module}.py").write_text(code)
        monkeypatch.setattr(folder, "__path__", [*folder.__path__, str(tmp_path)])
        name = f"plugrad.ops.elementwise.{module}"
        monkeypatch.delitem(sys.modules, name, raising=False)
        importlib.invalidate_caches()
        try:
            return make_registry(make_manager())
        finally:
            sys.modules.pop(name, None)
            vars(folder).pop(module, None)

    return made


def an_op(overrides, before="", name="special.soften"):
    return OP.format(overrides=overrides, before=before, name=name)


def test_only_newer_ops_are_absent_with_the_torch_that_ci_runs():
    (pinned,) = [
        line.partition("==")[2].strip()
        for line in (checkout.ROOT / "constraints.txt").read_text().splitlines()
        if line.startswith("torch==")
    ]
    if torch.__version__.partition("+")[0] != pinned:
        pytest.skip(f"this is torch {torch.__version__}, not {pinned}")
    assert pg.registry.absent.keys() == {"linalg.matrix_sqrth", "linalg.polar"}  # of torch 2.14
    assert not any(op.methods for op in pg.registry.absent.values())  # the stub has all methods


@pytest.mark.parametrize(
    ("overrides", "before", "lacks", "line"),
    [
        ("torch.soften", "", "torch.soften", 6),
        ("torch.sin, torch.special.soften", "", "torch.special.soften", 6),
        ("torch.nn.functional.soften", "", "torch.nn.functional.soften", 6),
        ("torch.Tensor.soften", "", "torch.Tensor.soften", 6),
        ("torch.ops.aten.soften.default", "", "torch.ops.aten.soften", 6),
        ("torch.ops.aten.sin.soften", "", "torch.ops.aten.sin.soften", 6),
        ("torch.sin", "DTYPE = torch.float7", "torch.float7", 3),
        ("torch.sin", "from torch.special import soften", "torch.special.soften", 3),
        ("torch.sin", "from torch import soften", "torch.soften", 3),
        ("torch.sin", "import torch.softening.more", "torch.softening", 3),
    ],
)
def test_what_torch_lacks_makes_an_op_absent(
    registry_with, monkeypatch, overrides, before, lacks, line
):
    registry = registry_with(an_op(overrides, before))
    assert len(registry) == len(pg.registry)
    assert "special.soften" not in registry
    assert registry.absent.keys() - pg.registry.absent.keys() == {"special.soften"}
    absent = registry.absent["special.soften"]
    assert (absent.name, absent.methods) == ("special.soften", ("soften", "__matmul__"))
    assert absent.overrides == tuple(overrides.split(", "))
    assert absent.lacks == lacks
    assert absent.where.endswith(f"soften.py, line {line}")
    monkeypatch.setattr("plugrad.core.installed_torch._INSTALLED", (2, 13))
    assert absent.as_dict() == {
        "op": "special.soften",
        "what": f"torch {torch.__version__} does not have {lacks}",
        "where": absent.where,
        "fix": f"use a torch that has {lacks}: pip install --upgrade torch",
    }


@pytest.mark.parametrize(
    ("installed", "install"), [((2, 6), "--upgrade torch"), ((2, 14), "'torch<2.14'")]
)
def test_the_fix_is_a_torch_that_has_it(monkeypatch, installed, install):
    """torch 2.14, the newest, lacks aten.cholesky: an upgrade would not bring it back."""
    monkeypatch.setattr("plugrad.core.installed_torch._INSTALLED", installed)
    absent = AbsentOp("cholesky", (), (), "torch.ops.aten.cholesky", "cholesky.py, line 17")
    assert absent.fix == f"use a torch that has torch.ops.aten.cholesky: pip install {install}"


def test_an_absent_op_is_missed_with_the_reason(registry_with):
    registry = registry_with(an_op("torch.trapezoid, torch.soften"))
    x = pg.Variable(torch.ones(2))
    why = (
        r"torch \S+ does not have torch\.soften\n  where: .*soften\.py, line 6\n  fix: use a torch"
    )
    for name in ("special.soften", "plugrad::special.soften"):
        with pytest.raises(UnknownOpError, match=f"no op named '{name}' here: {why}"):
            registry[name]
    with pytest.raises(UnknownOpError, match=f"a Variable has no 'soften' here: {why}"):
        registry.attribute(x, "soften")
    with pytest.raises(UnknownTorchFunctionError, match=f"stands for torch.trapezoid here: {why}"):
        registry.torch_function(torch.trapezoid)
    with pytest.raises(UnknownOpError, match="no op named 'sofften'\n"):
        registry["sofften"]


def test_an_op_whose_decorator_says_nothing_has_its_modules_name(registry_with):
    registry = registry_with("import torch\nname = 'x'\ntorch.soften\n")
    assert "soften" in registry.absent


MISTAKES = {
    "another module's": ("import math\nmath.soften", AttributeError),
    "a tensor's": ("import torch\ntorch.ones(1).soften", AttributeError),
    "our own": ("import plugrad.core\nplugrad.core.Soften", AttributeError),
    "an import of ours": ("from plugrad.core import Soften", ImportError),
    "an import of a package that is not there": ("import softening", ImportError),
    "in a call of torch": ("import torch\ntorch.add(torch, torch)", TypeError),
    "in what torch calls": (
        "import torch\neval('lambda: torch.soften', {'torch': torch, '__name__': 'torch.x'})()",
        AttributeError,
    ),
    "raised by hand": ("raise AttributeError('torch.soften')", AttributeError),
    "a name": ("soften", NameError),
}


@pytest.mark.parametrize("case", MISTAKES)
def test_a_mistake_is_not_hidden(registry_with, case):
    code, error = MISTAKES[case]
    with pytest.raises(error):
        registry_with(code)


def test_plugrad_can_be_imported_without_a_function_of_torchs():
    program = (
        "import torch; del torch.sin, torch.special.expm1\n"
        "import plugrad as pg\n"
        "print({'sin', 'expm1'} <= set(pg.registry.absent), pg.ops.cos(torch.zeros(1)))\n"
        "try:\n    pg.Variable(torch.ones(1)).sin()\n"
        "except pg.errors.UnknownOpError as error:\n    print(error)"
    )
    command = [sys.executable, "-c", program]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    first, second, *_ = done.stdout.splitlines()
    assert first == "True tensor([1.])"
    assert second.startswith("a Variable has no 'sin' here: torch ")
    assert second.endswith(" does not have torch.sin")
