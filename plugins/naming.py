"""What ops and packs may be called."""

from __future__ import annotations

import keyword
import unicodedata
from typing import TYPE_CHECKING

from plugrad.errors import OpDefinitionError, PackDefinitionError
from plugrad.plugins.registered_op import BUILTIN, OPERATORS, RESERVED

if TYPE_CHECKING:
    from collections.abc import Iterable

    from plugrad.plugins.registered_op import RegisteredOp


def check_op(entry: RegisteredOp, where: str) -> None:
    """Check an op's names by themselves, whoever else may claim them.

    Raises:
        PackDefinitionError: it claims to be built in, but is not.
        OpDefinitionError: it claims an attribute of Variable's own, a special method that
            is not an operator, or a name that Python reads as another.
    """
    if entry.rank == 0 and not entry.module.startswith("plugrad.ops."):
        raise PackDefinitionError(
            f"{BUILTIN!r} is the pack of plugrad's own ops, and {entry.module} is not in it",
            where=where,
            fix=f"call the op {entry.plain_name!r} and leave the pack out: then it is the "
            "program's own",
        )
    for name in entry.attributes:
        if name.startswith("__") and name not in OPERATORS:
            raise OpDefinitionError(
                f"{entry.plain_name} claims {name!r}, which is not an operator",
                where=where,
                fix="choose another name in methods= or properties=; the special methods that "
                "compute, such as __add__, are allowed",
            )
        if name in RESERVED:
            raise OpDefinitionError(
                f"{entry.plain_name} claims {name!r}, which belongs to Variable itself",
                where=where,
                fix="choose another name in methods= or properties=",
            )
    for name in (entry.plain_name, *entry.attributes):
        read = name if name.isascii() else unicodedata.normalize("NFKC", name)
        if read != name:
            raise OpDefinitionError(
                f"{entry.plain_name} claims {name!r}, which Python reads as {read!r}",
                where=where,
                fix=f"write {read!r}, or choose another name",
            )


def check_pack_name(pack: str, where: str, ops: Iterable[RegisteredOp]) -> None:
    """Check that ``x.pack.op()`` and ``plugrad.ops.pack.op`` can be.

    Args:
        pack: the name.
        where: what messages say.
        ops: those whose names count, if they are built in.

    Raises:
        PackDefinitionError: they cannot.
    """
    if not pack.isidentifier() or keyword.iskeyword(pack) or pack[0] == "_":
        raise PackDefinitionError(
            f"{pack!r} is not a valid name for a pack: x.{pack} would not be valid Python, or not "
            "public",
            where=where,
            fix="name it (its entry point) with letters, digits and _, as in 'my_pack'",
        )
    read = unicodedata.normalize("NFKC", pack)
    if read != pack:
        raise PackDefinitionError(
            f"{pack!r} is not a valid name for a pack: Python reads it as {read!r}",
            where=where,
            fix="name it (its entry point) with letters, digits and _, as in 'my_pack'",
        )
    taken = next((entry for entry in ops if _stands_at(entry, pack)), None)
    if taken is not None or pack in RESERVED:
        raise PackDefinitionError(
            f"{pack!r} is not a valid name for a pack: it is "
            + ("Variable's own" if taken is None else f"the built-in {taken.name}'s"),
            where=where,
            fix="give the pack another name",
        )


def _stands_at(entry: RegisteredOp, name: str) -> bool:
    """Whether ``name`` on Variable or ``plugrad.ops`` leads to the built-in ``entry``."""
    return entry.rank == 0 and (name in entry.attributes or name == entry.name.partition(".")[0])
