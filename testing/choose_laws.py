"""choose_laws: laws by their ids."""

from __future__ import annotations

from typing import TYPE_CHECKING

from plugrad.errors import UnknownLawError
from plugrad.plugins.messages import did_you_mean
from plugrad.testing.laws import LAWS
from plugrad.testing.pack_checks import add_pack_checks

if TYPE_CHECKING:
    from collections.abc import Iterable

    from plugrad.testing.law import Law


def choose_laws(ids: Iterable[str] | None) -> tuple[Law, ...]:
    """The laws with these ids, in the order in which they are run; None for all.

    Those of the packs that are loaded are among them; an id that is missed loads the packs.

    Raises:
        UnknownLawError: there is no law of this id; ids like it are suggested.
    """
    if ids is None:
        add_pack_checks()
        return tuple(LAWS)
    wanted = {ids} if isinstance(ids, str) else set(ids)
    add_pack_checks(lambda: all(id_ in LAWS for id_ in wanted))
    for id_ in sorted(wanted):
        if id_ not in LAWS:
            known = [law.id for law in LAWS]
            raise UnknownLawError(
                f"there is no law {id_!r}",
                fix=f"{did_you_mean(id_, known)}plugrad.testing.LAWS has all: {', '.join(known)}",
            )
    return tuple(law for law in LAWS if law.id in wanted)
