"""The hooks a pack may implement, and the markers to do it with."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pluggy

if TYPE_CHECKING:
    from plugrad.plugins.registry import Registry

hookspec = pluggy.HookspecMarker("plugrad")
hookimpl = pluggy.HookimplMarker("plugrad")


@hookspec
def plugrad_register_ops(registry: Registry) -> None:
    """Add the pack's ops: ``registry.add(MyOp)`` for each."""
