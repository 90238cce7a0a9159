"""chosen: the ops that the command line names, and the laws or faults."""

from __future__ import annotations

from contextlib import contextmanager
from shlex import quote
from typing import TYPE_CHECKING, TypeVar

import typer

from plugrad.cli.describing.named_op import named_op, ops_of
from plugrad.cli.known_ops import remember_ops
from plugrad.cli.pack_warnings import pack_warnings
from plugrad.errors import PlugradError
from plugrad.plugins.default import packs, registry
from plugrad.testing.targets import FAILED_IMPORTS, find_object, find_targets, is_target_text
from plugrad.testing.torch_target import TorchTarget

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path

    from plugrad.plugins.registered_op import RegisteredOp
    from plugrad.testing.op_under_test import OpUnderTest

T = TypeVar("T")


def chosen(
    names: Iterable[str], others: Callable[[], T], none: bool = False
) -> tuple[list[RegisteredOp], T]:
    """The registered ops of these names, as ``chosen_ops``, and what ``others`` chooses.

    Both may load packs; what packs print, and what is wrong with them, goes to standard error.

    Args:
        names: as for ``chosen_ops``.
        others: chooses.
        none: without a name choose no op, instead of all ops.

    Raises:
        Exit: a name is unknown, or a setting is not understood (status 2).
    """
    names = list(names)
    try:
        with pack_warnings():
            found = [] if none and not names else chosen_ops(names), others()
        remember_ops(packs, registry)  # asks which packs may load, whatever was named
    except PlugradError as error:
        typer.echo(f"Error: {error}", err=True)
        raise typer.Exit(2) from error
    return found


def chosen_ops(names: Iterable[str]) -> list[RegisteredOp]:
    """The registered ops of these names, each once, by name; if there are none, all ops.

    An unknown name, and asking for all ops, loads the packs.

    Args:
        names: ``sin``, ``pack::`` for all ops of a pack, or ``pack::sin``.

    Raises:
        UnknownOpError: no op has a name.
        UnknownPackError: a pack has no registered ops.
    """
    found: dict[str, RegisteredOp] = {}
    for name in names:
        found.update((entry.name, entry) for entry in _named(name))
    if found:
        return [found[name] for name in sorted(found)]
    packs.load()
    return list(registry)


def chosen_targets(
    names: Iterable[str],
    samples: Path | None,
    reference: str | None,
    seed: int,
    device: str,
) -> tuple[list[OpUnderTest], list[str]]:
    """The targets named by module or file, and what is wrong with those that cannot be checked.

    The others are checked all the same, so a problem does not end the command; each is printed.

    Args:
        names: as ``package.module:Name``, ``path/to/file.py``; other names are left out.
        samples: their samples file; None to look for one.
        reference: a function that they must equal, ``module:name``.
        seed: the seed for samples and cotangents.
        device: the device of the samples.

    Raises:
        Exit: there is nothing else to check, or the reference is unknown (status 2).
    """
    names = list(names)
    told: dict[str, object] = {} if samples is None else {"samples_file": str(samples)}
    found: list[OpUnderTest] = []
    problems: list[str] = []
    try:
        if reference is not None:
            told["reference"] = find_object(reference)
    except PlugradError as error:
        typer.echo(f"Error: {error}", err=True)
        raise typer.Exit(2) from error
    for name in filter(is_target_text, names):
        with _noted(problems):
            found += find_targets(name, told, seed, device)
    problems = list(dict.fromkeys(problems))
    for problem in problems:
        typer.echo(f"Error: {problem}", err=True)
    if problems and not found and all(map(is_target_text, names)):
        raise typer.Exit(2)
    for module, problem in FAILED_IMPORTS.items():
        typer.echo(f"warning: {module} cannot be imported, and is left out: {problem}", err=True)
    given = {"--samples": samples, "--reference": reference}
    options = "".join(f" {option} {quote(str(value))}" for option, value in given.items() if value)
    for op in found:
        if isinstance(op, TorchTarget):
            op.options = options  # for the command that shows a result again
    return list({(op.name, op.function): op for op in found}.values()), problems


@contextmanager
def _noted(problems: list[str]) -> Iterator[None]:
    try:
        yield
    except PlugradError as error:
        problems.append(str(error))


def _named(name: str) -> list[RegisteredOp]:
    pack, _, op = name.rpartition("::")
    return ops_of(pack) if pack and not op else [named_op(name, "say {}:: for all ops of the pack")]
