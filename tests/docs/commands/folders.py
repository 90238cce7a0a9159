"""folders: what is there when a command is typed."""

from __future__ import annotations

import os
import textwrap

from plugrad.tests.checkout import ROOT, tomllib

KERNEL = """
import torch


class {name}(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x * x.sigmoid()

    @staticmethod
    def backward(ctx, gy):
        (x,) = ctx.saved_tensors
        s = x.sigmoid()
        return gy * (s + x * s * (1 - s))
"""
SAMPLES = """
from plugrad import Sample


def swish(make):
    yield Sample(make(3, 4))
    yield Sample(make.tensor([-40.0, 0.0, 40.0]))


SAMPLES = {"Swish": swish, "SparsemaxFunction": swish}
"""
USE = """
import torch
from {module} import Swish


def test_swish():
    x = torch.tensor([[-1.5, 0.5], [2.0, 0.25]], dtype=torch.float64, requires_grad=True)
    Swish.apply(x).sum().backward()
    assert x.grad is not None
"""
FILES = {
    "kernels.py": KERNEL.format(name="Swish"),
    "path/to/swish.py": KERNEL.format(name="Swish"),
    "package/__init__.py": "from package import module\n",
    "package/module.py": KERNEL.format(name="Swish"),
    "entmax/__init__.py": "from entmax import activations\n",
    "entmax/activations.py": KERNEL.format(name="SparsemaxFunction"),
    "yourpackage/__init__.py": KERNEL.format(name="Swish"),
    "tests/test_swish.py": USE.format(module="yourpackage"),
}
SAMPLE_FILES = {"swish_samples.py": SAMPLES, "plugrad_samples.py": SAMPLES}


def write(folder, files):
    """Write texts into files of these names."""
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(textwrap.dedent(text).lstrip())


def install(folder, distribution, entry_points, version="0.1.0"):
    """Leave in ``folder`` the metadata that pip would."""
    info = f"{distribution.replace('-', '_')}-{version}.dist-info"
    metadata = f"Metadata-Version: 2.1\nName: {distribution}\nVersion: {version}\n"
    write(folder, {f"{info}/METADATA": metadata, f"{info}/entry_points.txt": entry_points})


def entry_points_of(project):
    """The entry points that a project states, as pip writes them down."""
    tables = tomllib.loads((project / "pyproject.toml").read_text(encoding="utf-8"))
    groups = tables["project"]["entry-points"]
    lines = []
    for group, points in groups.items():
        lines += [f"[{group}]", *(f"{name} = {value}" for name, value in points.items())]
    return "\n".join(lines) + "\n"


def prepared(kind, folder, shell):
    """Where a command is typed, and the variables of its environment.

    Args:
        kind: ``files``, those below; ``unsampled``, without samples files; ``pack``, in a new
            pack; ``special``, with the pack plugrad-special installed.
        folder: an empty one.
        shell: a Shell.
    """
    environment = {"HOME": str(folder), "PLUGRAD_PACKS": "none", "PYTHONPATH": str(folder)}
    (folder / "src").mkdir()
    if kind in ("files", "unsampled"):
        write(folder, FILES if kind == "unsampled" else FILES | SAMPLE_FILES)
    elif kind == "pack":
        done = shell.run("plugrad new-pack softclip --into src", folder, **environment)
        assert done.status == 0, done
        return folder / "src" / "plugrad-softclip", environment
    elif kind == "special":
        project = ROOT / "packs" / "plugrad-special"
        site = folder / "site"  # not the working directory, in which no pack is looked for
        install(site, "plugrad-special", entry_points_of(project))
        environment |= {"PLUGRAD_PACKS": "plugrad-special"}
        environment["PYTHONPATH"] = f"{site}{os.pathsep}{project / 'src'}"
    return folder, environment
