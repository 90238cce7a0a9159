"""Site: a directory with installed packs, and programs that find them there."""

from __future__ import annotations

import os
import textwrap

from plugrad.tests.python_process import python

IMPORTS = "import plugrad as pg\nfrom plugrad import Sample\n"


def op_class(op, factor=2, name="Double", declared=""):
    """The code of an op that multiplies by ``factor``."""
    return f"""
@pg.op("{op}"{declared and ", " + declared})
class {name}(pg.Function):
    '''y = {factor} x;  gx = {factor} gy.'''

    @staticmethod
    def forward(ctx, x):
        return x * {factor}

    @staticmethod
    def backward(ctx, gy):
        return gy * {factor}

    @staticmethod
    def samples(make):
        yield Sample(make(3, 2))
"""


def hook(*names):
    """The code of the hook that registers these classes."""
    added = "; ".join(f"registry.add({name})" for name in names)
    return f"@pg.hookimpl\ndef plugrad_register_ops(registry):\n    {added}\n"


def pack_of(op, factor=2, declared=""):
    """The code of a pack with one op."""
    return IMPORTS + op_class(op, factor, declared=declared) + hook("Double")


#: A pack with the op ``double``.
GOOD = pack_of("double")

#: What each program begins with.
PROGRAM = """\
import warnings
import torch
import plugrad as pg
from plugrad import errors
x = pg.Variable(torch.tensor([1.0, 2.0]), requires_grad=True)
"""

#: Miss a name where warnings are errors, and print the error.
MISS_AS_ERROR = """
warnings.simplefilter("error")
try:
    x.anything
except errors.PackWarning as warning:
    print(warning)
"""


class Site:
    """What ``pip install`` leaves behind: modules, and metadata that names entry points."""

    def __init__(self, path):
        self.path = path / "site"
        self.path.mkdir()
        self.work = path / "work"
        self.work.mkdir()

    def install(self, distribution, code=GOOD, *, pack=None, api="v1", version="1.0", points=""):
        """Install a distribution with one pack, named like it unless told otherwise."""
        module = distribution.replace("-", "_")
        (self.path / f"{module}.py").write_text(code)
        stated = "" if api is None else f"[plugrad.api]\n{pack or module} = {api}\n"
        self.metadata(
            self.path,
            distribution,
            f"[plugrad]\n{pack or module} = {module}\n{stated}{points}",
            version,
        )

    def metadata(self, folder, distribution, entry_points, version="1.0"):
        """Write the dist-info alone."""
        info = folder / f"{distribution.replace('-', '_')}-{version}.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(
            f"Metadata-Version: 2.1\nName: {distribution}\nVersion: {version}\n"
        )
        (info / "entry_points.txt").write_text(entry_points, encoding="utf-8")

    def uninstall(self, distribution):
        """Take a distribution away again."""
        module = distribution.replace("-", "_")
        (self.path / f"{module}.py").unlink()
        for info in self.path.glob(f"{module}-*.dist-info"):
            for file in info.iterdir():
                file.unlink()
            info.rmdir()

    def run(self, *code, options=(), status=0, start=python, **environment):
        """What a program prints that finds the site: stdout and stderr.

        Packs that are installed elsewhere are switched off, unless the program chooses.

        Args:
            code: the program's parts, after PROGRAM.
            options: Python's; with ``-m``, say, they are the program.
            status: the one it must end with.
            start: what starts it.
            environment: variables to set.
        """
        program = "\n".join(textwrap.dedent(part) for part in (PROGRAM, *code))
        command = [*options, *(["-c", program] if code else [])]
        done = start(*command, cwd=self.work, env=self.environment() | environment)
        assert done.returncode == status, done.stdout + done.stderr
        return done.stdout, done.stderr

    def environment(self):
        """The environment of such a program."""
        unwanted = {"PYTEST_ADDOPTS", "PYTEST_XDIST_WORKER", "PLUGRAD_STRICT"}
        kept = {name: value for name, value in os.environ.items() if name not in unwanted}
        names = [path.name.split("-")[0] for path in self.path.glob("*.dist-info")]
        return kept | {
            "PYTHONPATH": str(self.path),
            "PLUGRAD_PACKS": ",".join(names) or "none",
            "OMP_NUM_THREADS": "1",
        }
