"""``plugrad new-op``: one more op, for a pack or for plugrad itself."""

from __future__ import annotations

import os
import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from plugrad.cli.extras import require

if TYPE_CHECKING:
    from collections.abc import Mapping

    from plugrad.cli.scaffold.op_module import OpModule


def new_op(
    name: Annotated[
        str,
        typer.Argument(
            metavar="NAME|CATEGORY/NAME",
            help="The op's name; with a category, a built-in op of plugrad.",
            show_default=False,
        ),
    ],
    pack: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR", help="The pack's folder; the current one by default.", show_default=False
        ),
    ] = None,
    overrides: Annotated[
        str | None,
        typer.Option(
            metavar="FUNCTION",
            help="The torch function that the op stands for; you write its gradient.",
            show_default=False,
        ),
    ] = None,
) -> None:
    """Write a new op, into a pack or into plugrad.

    \b
    plugrad new-op squash           in a pack's folder
    plugrad new-op squash --pack ~/src/plugrad-softclip
    plugrad new-op bessel_j0 --overrides torch.special.bessel_j0
    plugrad new-op special/expint   in plugrad's repository

    The pack is one that new-pack made. The new op is an example that works; replace its
    formula by your own. If the op stands for a torch function (--overrides, or a built-in op
    with a name that torch has), its gradient is left for you to write. Existing files are
    never overwritten: either everything is written, or nothing.

    The exit status is 0 if it was written, and 2 if not.
    """  # noqa: D301 (the \b keeps the examples' lines in the help)
    require("plugrad new-op", "jinja2", extra="cli")
    from plugrad.cli.scaffold.torch_function import check_torch_function

    if overrides is not None:
        check_torch_function(overrides)
    category, slash, op = name.rpartition("/")
    if not slash:
        _add_to_pack(op, pack, overrides)
    elif pack is None:
        _add_to_plugrad(category, op, overrides)
    else:
        raise typer.BadParameter(
            f"{name!r} has a category, so it is a built-in op, but --pack names a pack\n"
            f"  fix: say {op} for an op of the pack, or leave --pack out",
            param_hint="NAME",
        )


def _add_to_pack(op: str, pack: Path | None, overrides: str | None) -> None:
    from plugrad.cli.scaffold.installed_packs import installed_packs
    from plugrad.cli.scaffold.op_module import OpModule
    from plugrad.cli.scaffold.op_name import check_op_name
    from plugrad.cli.scaffold.own_repository import OwnRepository
    from plugrad.cli.scaffold.pack_folder import PackFolder
    from plugrad.cli.scaffold.stub import Stub

    if pack is None and OwnRepository.is_here():
        raise typer.BadParameter(
            f"this is plugrad's own repository, where each op has a category, and {op!r} has none"
            f"\n  fix: write elementwise/{op} for a built-in op; use --pack for an op of a pack",
            param_hint="NAME",
        )
    installed_packs()  # a wrong setting ends it here, before anything is written
    check_op_name(op, "NAME", overrides)
    root = Path() if pack is None else pack
    folder = PackFolder.find(root)
    module = OpModule(op, f"{folder.pack}::{op}", overrides)
    path = folder.ops / f"{op}.py"
    changed = {}
    text = folder.stub_text()
    if text is not None:
        stub = Stub(text, folder.pack, str(folder.stub))
        stub.add(module)
        changed[folder.stub] = stub.text
    _write({path: module.code}, changed)
    steps = [f"cd {shlex.quote(str(root))}"] if root.resolve() != Path.cwd() else []
    _tell(module, [path], list(changed), [*steps, *_checks(module.name), "pytest"])
    if not changed:
        typer.echo(f"\nnote: there is no {folder.stub}, so type checkers do not know the op")
    _tell_rivals(op, folder.pack)


def _tell_rivals(op: str, pack: str) -> None:
    """Say which other packs have the name. It comes last: for that their code runs."""
    from plugrad.cli.describing.loaded_packs import loaded_packs
    from plugrad.cli.scaffold.installed_packs import installed_packs
    from plugrad.plugins.default import registry

    if all(one.name == pack or one.status == "switched off" for one in installed_packs()):
        return
    loaded_packs(quiet=True)
    others = [
        entry.name
        for entry in registry
        if entry.rank == 2 and entry.pack != pack and op in (entry.plain_name, *entry.attributes)
    ]
    if others:
        typer.echo(
            f"\nnote: {' and '.join(others)} has the name {op} too; where both packs are "
            f"installed, x.{op}() calls neither\n  fix: choose another name, or call yours as "
            f"x.{pack}.{op}()"
        )


def _add_to_plugrad(category: str, op: str, overrides: str | None) -> None:
    from plugrad.cli.scaffold.own_repository import OwnRepository
    from plugrad.cli.scaffold.rendered import rendered

    repository = OwnRepository.find()
    module = repository.op_module(category, op, overrides)
    path = repository.ops / category / f"{op}.py"
    test = repository.root / "tests" / "ops" / category / f"test_{op}.py"
    _write({path: module.code, test: rendered("builtin_test.py", op=op, op_name=module.name)}, {})
    _tell(module, [path, test], [], [*_checks(module.name), f"python -m pytest {test}"])


def _write(new: Mapping[Path, str], changed: Mapping[Path, str]) -> None:
    from plugrad.cli.scaffold.write_files import write_files

    for path in new:
        # A package foo would be imported in the place of a module foo.py.
        for taken in (path, path.with_suffix("")):
            if os.path.lexists(taken):
                raise typer.BadParameter(
                    f"{taken} exists, and nothing is overwritten\n  fix: choose another name",
                    param_hint="NAME",
                )
    try:
        write_files(new, changed)
    except OSError as error:
        raise typer.BadParameter(
            f"the op can't be written: {error}\n  fix: name a folder whose files you may write to",
            param_hint="--pack",
        ) from error


def _checks(name: str) -> list[str]:
    return [f"plugrad check {name}", f"plugrad strength {name}"]


def _tell(module: OpModule, new: list[Path], changed: list[Path], steps: list[str]) -> None:
    for path in new:
        typer.echo(f"written {path}")
    for path in changed:
        typer.echo(f"changed {path}")
    todo = "write backward" if module.torch_function else "write your own formula"
    typer.echo(f"\nnext: {todo} in {new[0]}, then")
    for step in steps:
        typer.echo(f"  {step}")
