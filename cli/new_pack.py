"""``plugrad new-pack``: a first op pack, ready to install and check."""

from __future__ import annotations

import datetime as dt
import os
import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from plugrad.cli.extras import require

if TYPE_CHECKING:
    from plugrad.cli.scaffold.pack_name import PackName


def new_pack(
    name: Annotated[
        str,
        typer.Argument(
            metavar="NAME",
            help="The pack's name, as in x.NAME.op(); plugrad-NAME means the same.",
            show_default=False,
        ),
    ],
    op: Annotated[
        str | None,
        typer.Option(help="The name of its first op; by default the pack's name."),
    ] = None,
    into: Annotated[
        Path, typer.Option(metavar="DIR", help="Where to put the new folder plugrad-NAME.")
    ] = Path(),
) -> None:
    """Write a new op pack.

    A pack is an installable package whose ops every Variable has. This one comes with a
    working op, its tests, types and CI.

    \b
    plugrad new-pack softclip
    plugrad new-pack plugrad-softclip    means the same
    plugrad new-pack activations --op squash
    plugrad new-pack softclip --into ~/src

    NAME gives the names of the pack (soft_clip), of its distribution (plugrad-soft-clip) and
    of its package (plugrad_soft_clip). Existing files are never overwritten: either everything
    is written, or nothing.

    The exit status is 0 if it was written, and 2 if not.
    """  # noqa: D301 (the \b keeps the examples' lines in the help)
    require("plugrad new-pack", "jinja2", extra="cli")
    from plugrad.cli.scaffold.copyright_holder import copyright_holder
    from plugrad.cli.scaffold.op_name import check_op_name
    from plugrad.cli.scaffold.pack_name import PackName

    names = PackName.parse(name)
    op = names.pack if op is None else op
    check_op_name(
        op,
        "NAME" if op == names.pack else "--op",
        fix=f"choose another name for the op, e.g. --op soft_{op}",
    )
    folder = into / names.distribution
    holder = copyright_holder()
    files = _files(names, op, holder or f"the authors of {names.distribution}")
    _write(folder, files)
    typer.echo(_told(names, op, folder, len(files)))
    if holder is None:
        typer.echo(
            f"\nnote: git knows no user.name, so LICENSE names 'the authors of "
            f"{names.distribution}'\n  fix: put your name there"
        )


def _files(names: PackName, op: str, holder: str) -> dict[str, str]:
    """Each file's path in the new folder, and its text."""
    import plugrad
    from plugrad.cli.scaffold.op_module import OpModule
    from plugrad.cli.scaffold.rendered import rendered
    from plugrad.cli.scaffold.stub import Stub
    from plugrad.plugins.pack import SUPPORTED_API

    values = {
        "pack": names.pack,
        "distribution": names.distribution,
        "module": names.module,
        "op": op,
        "api": f"v{SUPPORTED_API[-1]}",
        "plugrad_version": ".".join(plugrad.__version__.split(".")[:2]),
        "holder": holder,
        "year": dt.datetime.now().astimezone().year,
    }
    package = f"src/{names.module}"
    first = OpModule(op, f"{names.pack}::{op}")
    stub = Stub(rendered("init.pyi", **values), names.pack, f"{package}/__init__.pyi")
    stub.add(first)
    templates = {
        ".github/workflows/ci.yml": "ci.yml",
        ".gitignore": "gitignore",
        "LICENSE": "LICENSE",
        "README.md": "README.md",
        "pyproject.toml": "pyproject.toml",
        f"{package}/__init__.py": "init.py",
        f"{package}/ops/__init__.py": "ops_init.py",
        f"{package}/plugin.py": "plugin.py",
        f"{package}/py.typed": "py.typed",
        f"tests/test_{names.pack}.py": "test_pack.py",
    }
    return {
        **{path: rendered(template, **values) for path, template in templates.items()},
        f"{package}/__init__.pyi": stub.text,
        f"{package}/ops/{op}.py": first.code,
    }


def _write(folder: Path, files: dict[str, str]) -> None:
    from plugrad.cli.scaffold.write_folder import write_folder

    if os.path.lexists(folder):
        raise typer.BadParameter(
            f"{folder} exists, and nothing is overwritten\n"
            "  fix: choose another name or another --into, or move it out of the way",
            param_hint="NAME",
        )
    try:
        write_folder(folder, files)
    except OSError as error:
        raise typer.BadParameter(
            f"{folder} can't be written: {error.strerror or error}\n"
            "  fix: name an existing folder that you may write to",
            param_hint="--into",
        ) from error


def _told(names: PackName, op: str, folder: Path, count: int) -> str:
    from plugrad.core.counted import counted

    files = counted(count, "file")
    return f"""\
{folder}: the pack {names.pack} with the op {names.pack}::{op}, {files}

next:
  cd {shlex.quote(str(folder))}
  pip install -e '.[dev]'
  plugrad check {names.pack}::
  plugrad strength {names.pack}::
  pytest

then write your own op in src/{names.module}/ops/{op}.py, and run these again
another op: plugrad new-op NAME"""
