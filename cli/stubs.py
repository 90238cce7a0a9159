"""``plugrad stubs``: tell editors and type checkers the ops' methods."""

from __future__ import annotations

import os
import shlex
import sysconfig
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

#: How a stub of ours begins.
_ANY_NOTE = "Written by `plugrad stubs"
_NOTE = f"{_ANY_NOTE}` from the ops that are installed; run it again for new ones."
_BUILTINS_NOTE = f"{_ANY_NOTE} --builtins` from the ops; a test keeps it fresh."
#: Where the stub of the attached methods is, in plugrad and in a package of stubs.
_STUB = Path("core") / "attached_methods.pyi"


def stubs(
    output: Annotated[
        Path | None,
        typer.Option(
            help="The folder to write plugrad-stubs into; by default this environment's "
            "site-packages, where editors and mypy look.",
            show_default=False,
        ),
    ] = None,
    check: Annotated[
        bool, typer.Option("--check", help="Write nothing; exit with 1 if the stub is out of date.")
    ] = False,
    others: Annotated[
        bool,
        typer.Option(
            "--others",
            help="Let type checkers accept other method names too, for ops that your program "
            "registers itself.",
        ),
    ] = False,
    builtins: Annotated[
        bool,
        typer.Option(
            "--builtins", help="Write plugrad's own stub, with only the built-in ops, into plugrad."
        ),
    ] = False,
) -> None:
    """Write stubs for editors and type checkers.

    plugrad comes with a stub for the built-in ops. This command writes a package plugrad-stubs
    that also has the methods of installed packs, x.<op>() and x.<pack>.<op>(). With it, a type
    checker reports a method that no op has. Run it again after installing or removing packs.
    To get rid of it, delete the folder plugrad-stubs.

    \b
    plugrad stubs                    into this environment
    plugrad stubs --check            in CI
    plugrad stubs --output typings   where pyright looks
    plugrad stubs --builtins         in plugrad's repository

    The exit status is 0; 1 if --check finds that the stub is out of date; 2 if the command is
    wrong or the folder cannot be written.
    """  # noqa: D301 (the \b keeps the examples' lines in the help)
    if builtins and (output is not None or others):
        raise typer.BadParameter(
            "plugrad's own stub has one place and one form\n  fix: leave --output and --others out",
            param_hint="--builtins",
        )
    if builtins and not (_package() / "pyproject.toml").is_file():
        raise typer.BadParameter(
            f"{_package()} is not a checkout of plugrad\n"
            "  fix: leave it out; plugrad stubs knows the built-in ops too",
            param_hint="--builtins",
        )
    if builtins:
        _check_all_are_here()
        files = {_package() / _STUB: _stub_text(packs=False, others=True, note=_BUILTINS_NOTE)}
    else:
        folder = output or Path(sysconfig.get_path("purelib"))
        text = _stub_text(packs=True, others=others, note=_NOTE)
        # "partial": what is not here, a type checker finds in plugrad itself (PEP 561).
        inside = folder / "plugrad-stubs"
        files = {inside / "py.typed": "partial\n", inside / _STUB: text}
    stale = [path for path, text in files.items() if _read(path) != text]
    if check:
        _report(stale, _repeated(output, others, builtins))
    else:
        if not builtins:  # that one is in git
            _check_ours(stale)
        _write({path: files[path] for path in stale})
        for path in files:
            typer.echo(f"{'wrote' if path in stale else 'fresh'} {path}")


def _check_all_are_here() -> None:
    """Refuse to write plugrad's own stub with a torch that lacks a method: it would lack it too."""
    from plugrad.plugins.default import registry

    for op in registry.absent.values():
        if not op.methods:
            continue
        raise typer.BadParameter(
            f"the built-in op {op.name} is absent: {op.reason}\n  where: {op.where}\n"
            "  fix: run it with the torch of constraints.txt",
            param_hint="--builtins",
        )


def _stub_text(*, packs: bool, others: bool, note: str) -> str:
    from plugrad.cli.stub_writer.stub_file import StubFile
    from plugrad.plugins.default import registry
    from plugrad.plugins.hooks import hook_manager, register_plugin

    if packs:
        from plugrad.cli.describing.loaded_packs import loaded_packs

        loaded_packs()
    stub = StubFile(packs=packs, others=others, note=note)
    register_plugin(hook_manager(), registry, stub, "plugrad stubs")
    return stub.text()


def _package() -> Path:
    """The folder of plugrad itself."""
    return Path(__file__).resolve().parent.parent


def _read(path: Path) -> str | None:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return None


def _repeated(output: Path | None, others: bool, builtins: bool) -> str:
    """The command with the options that were given, but without --check."""
    given = "" if output is None else f" --output {shlex.quote(str(output))}"
    return f"plugrad stubs{given}{' --others' * others}{' --builtins' * builtins}"


def _report(stale: list[Path], command: str) -> None:
    for path in stale:
        state = "not fresh" if path.exists() else "missing"
        typer.echo(f"{path} is {state}\n  fix: {command}", err=True)
    if stale:
        raise typer.Exit(1)
    typer.echo("fresh")


def _check_ours(stale: Iterable[Path]) -> None:
    """Refuse to overwrite what this command did not write: its stubs begin with the note."""
    for path in stale:
        ours = (_read(path) or "").partition("\n")[0].startswith(f"# {_ANY_NOTE}")
        if os.path.lexists(path) and not ours:
            raise typer.BadParameter(
                f"{path} was not written by plugrad stubs, and is not overwritten\n"
                "  fix: name another folder, or delete the file",
                param_hint="--output",
            )


def _write(files: Mapping[Path, str]) -> None:
    try:
        for path, text in files.items():
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise typer.BadParameter(
            f"{error.filename} can't be written: {error.strerror}\n"
            "  fix: name a folder that you may write to",
            param_hint="--output",
        ) from error
