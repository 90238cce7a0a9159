"""check_legal_name: which names packs and their ops may have."""

from __future__ import annotations

import keyword
import re
import sys

import typer

#: A name appears in lines of code, file names and titles, after a folder's name.
LONGEST = 40

_FORM = re.compile(r"[a-z][a-z0-9]*(_[a-z0-9]+)*")


def check_legal_name(name: str, what: str, hint: str) -> None:
    """Refuse a name that cannot name a module, a method and part of a distribution.

    Args:
        name: the name, with underscores.
        what: ``a pack`` or ``an op``.
        hint: the parameter that gave it.

    Raises:
        BadParameter: it is not a legal name.
    """
    if not _FORM.fullmatch(name):
        raise typer.BadParameter(
            f"{name!r} is not a valid name for {what}\n  fix: write small letters, digits and "
            f"single _ between them, a letter first{_for_example(name)}",
            param_hint=hint,
        )
    if len(name) > LONGEST:
        raise typer.BadParameter(
            f"{name!r} is too long for the name of {what}: {len(name)} letters\n"
            f"  fix: write at most {LONGEST}",
            param_hint=hint,
        )
    if keyword.iskeyword(name):
        _refuse(name, what, hint, "it is a keyword of Python")
    if name in sys.stdlib_module_names:
        _refuse(name, what, hint, "it is a module of the standard library")


def _refuse(name: str, what: str, hint: str, reason: str) -> None:
    raise typer.BadParameter(
        f"{name!r} is not a valid name for {what}: {reason}\n"
        f"  fix: choose another, e.g. {f'{name}_ops' if what == 'a pack' else f'soft_{name}'}",
        param_hint=hint,
    )


def _for_example(name: str) -> str:
    """A legal name like this one, if there is one."""
    parts = re.findall("[a-z0-9]+", re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower())
    likely = "_".join(parts).lstrip("0123456789_")
    return f", as in {likely}" if _FORM.fullmatch(likely) and likely != name else ""
