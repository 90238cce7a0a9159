"""add_pack_checks: the laws and the faults that packs bring."""

from __future__ import annotations

from typing import TYPE_CHECKING

from plugrad.plugins.default import manager, packs
from plugrad.plugins.hooks import call_each
from plugrad.plugins.messages import warn_all
from plugrad.testing.faults import FAULTS
from plugrad.testing.laws import LAWS

if TYPE_CHECKING:
    from collections.abc import Callable

#: The plugins that were asked already.
_asked: set[str] = set()


def add_pack_checks(are_known: Callable[[], bool] = lambda: True) -> None:
    """Let each pack add its laws to LAWS and its faults to FAULTS, all of them or none.

    Only packs that are loaded are asked: what nobody asked for is not imported. If then
    ``are_known`` denies that what was asked for by its id is there, the others are loaded.
    """
    _ask_loaded()
    if not are_known():
        packs.load_once()
        _ask_loaded()


def _ask_loaded() -> None:
    messages: list[str] = []
    for name, plugin in manager.list_name_plugin():
        if plugin is None or name in _asked:
            continue
        _asked.add(name)
        forget_laws, forget_faults = LAWS.checkpoint(), FAULTS.checkpoint()
        given = {"laws": LAWS, "faults": FAULTS}
        failed = list(call_each(manager, "plugrad_register_checks", only=plugin, **given))
        if failed:
            forget_laws()
            forget_faults()
        messages += failed
    warn_all(messages)
