"""The hooks a pack may implement, and the markers to do it with.

A hook that raises is reported with the pack's name; plugrad and the other packs go on.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pluggy

if TYPE_CHECKING:
    from plugrad.plugins.pack_registry import PackRegistry
    from plugrad.plugins.registered_op import RegisteredOp

hookspec = pluggy.HookspecMarker("plugrad")
hookimpl = pluggy.HookimplMarker("plugrad")


@hookspec
def plugrad_register_ops(registry: PackRegistry) -> None:
    """Add the pack's ops: ``registry.add(MyOp)`` for each.

    Called once, when the pack loads. All of them are registered, or none.
    """


@hookspec
def plugrad_op_registered(op: RegisteredOp) -> None:
    """Learn of an op, after it was registered.

    Called for every op, whatever pack it is from: once for each that was there before the
    listener, and then as they come. An op that is defined again, as by a notebook's cell,
    is told again.
    """


@hookspec
def plugrad_register_checks(laws: Any, faults: Any) -> None:
    """Add laws to the checker and faults to the strength run.

    ``laws`` is ``plugrad.testing.LAWS`` and ``faults`` is ``plugrad.testing.faults.FAULTS``.
    Called once, when the first check or strength run begins. All of them are added, or none.
    """


@hookspec
def plugrad_add_commands(app: Any) -> None:
    """Add commands: ``plugrad NAME-OF-THE-PACK COMMAND``.

    ``app`` is a ``typer.Typer`` of the pack's own. Called when ``plugrad NAME-OF-THE-PACK``
    is typed, and plugrad itself has no command of that name; for that the packs load. If it
    raises, the pack has no commands.
    """
