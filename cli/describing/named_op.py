"""named_op and ops_of: the ops that a command line names, and what to type if there are none."""

from __future__ import annotations

import importlib.util
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from plugrad.errors import AmbiguousOpError, UnknownOpError, UnknownPackError
from plugrad.plugins.default import packs, registry
from plugrad.plugins.messages import did_you_mean
from plugrad.testing.check import ops_of_pack

if TYPE_CHECKING:
    from plugrad.plugins.registered_op import RegisteredOp


def named_op(name: str, instead: str) -> RegisteredOp:
    """The op of this name; an unknown name loads the packs.

    Args:
        name: ``sin``, ``pack::sin``.
        instead: what to say if a pack is named; ``{}`` becomes its name.

    Raises:
        UnknownOpError: there is no such op, or its pack is set aside.
        UnknownPackError: its pack is not installed.
        AmbiguousOpError: several packs have one.
    """
    try:
        return registry[name]
    except AmbiguousOpError as error:
        ways = [entry.name for entry in registry if entry.plain_name == name]
        fix = f"say which: {' or '.join(ways)}" if ways else error.fix
        raise AmbiguousOpError(error.what, where=error.where, fix=fix) from error
    except UnknownOpError as error:
        if error.__cause__ is not None or error.where:  # its pack is set aside or switched off
            raise
        pack, _, op = name.rpartition("::")
        if pack:
            ops_of(pack)
        raise UnknownOpError(error.what, fix=_fix(name, op, instead)) from error


def ops_of(pack: str) -> list[RegisteredOp]:
    """The ops of a pack; an unknown name loads the packs.

    Raises:
        UnknownOpError: the pack is set aside or switched off.
        UnknownPackError: it is not installed, or has no ops.
    """
    try:
        return ops_of_pack(pack)
    except UnknownPackError as error:
        installed = {found.name for found in packs}
        if pack in installed:
            raise
        known = sorted({entry.pack for entry in registry} | installed)
        raise UnknownPackError(
            f"no pack named {pack!r} is installed",
            fix=f"{did_you_mean(pack, known)}plugrad packs lists the installed packs; "
            "pip installs another",
        ) from error


def _is_package(name: str) -> bool:
    """Whether Python would find a module of this name; nothing is imported."""
    if not name.isidentifier():
        return False
    with suppress(ImportError, ValueError):
        if importlib.util.find_spec(name) is not None:
            return True
    # Where PACKAGE: looks, too.
    return Path(name, "__init__.py").is_file() or Path(f"{name}.py").is_file()


def _fix(name: str, op: str, instead: str) -> str:
    if name in registry.pack_names:
        return instead.format(name)
    if _is_package(name):
        return f"say {name}: for the torch.autograd.Functions of the package {name}"
    same = [entry.name for entry in registry if op in (entry.plain_name, *entry.attributes)]
    known = [entry.name for entry in registry]
    meant = f"did you mean {' or '.join(same)}? " if same else did_you_mean(name, known)
    return f"{meant}plugrad ops lists them{packs.hint()}"
