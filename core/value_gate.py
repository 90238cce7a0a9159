"""value_gate: the short path of an op that is declared as a value and what is saved of it.

Nothing has to be found out there: which values are saved, and where they come from, is known, and
``value`` has no context to set anything on. That is a tenth of the time of a small op.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from plugrad.core.accumulate_grad import edge_of
from plugrad.core.context import ORIGIN_X, ORIGIN_Y, batched_seen, transform_depth
from plugrad.core.record import record
from plugrad.core.twins import MISSING
from plugrad.core.variable import Variable

if TYPE_CHECKING:
    from collections.abc import Callable

_is_grad_enabled = torch.is_grad_enabled
_ORIGINS: dict[str, tuple[int, ...]] = {"x": ORIGIN_X, "y": ORIGIN_Y, "xy": (0, -1)}


def value_gate(function: type[Any], unary: Callable[..., Any]) -> Callable[..., Any]:
    """A gate that records an Elementwise of one Variable; all else it leaves to ``unary``."""
    value, node_type, foreign = function.value, function.record_type, not function.is_builtin()
    origins, flags = _ORIGINS[function.needs], (True,)
    keeps_x, keeps_y, count = "x" in function.needs, "y" in function.needs, len(origins)

    def apply(x: Any = MISSING, /, *rest: Any, **options: Any) -> Any:
        if x is MISSING:
            return unary(**options)
        if rest or options or not (isinstance(x, Variable) and _is_grad_enabled()):
            return unary(x, *rest, **options)
        a = x._data
        edge = x._edge
        if edge is None and x._requires_grad:
            edge = edge_of(x)
        if edge is None or a.__class__ is not Tensor or (batched_seen and transform_depth()):
            return unary(x)
        try:
            version = a._version if keeps_x else 0  # before value, which must not change it
            z: Any = value(a)
            version += z._version if keeps_y else 0
        except Exception:  # unary raises it again, and says which call it was
            z = None
        if z.__class__ is not Tensor or z is a or (foreign and (z.requires_grad or z._is_view())):
            return unary(x)
        node: Any = node_type()
        node._pg_x = edge
        node.needs_input_grad = flags
        node._pg_kept = count
        node._pg_first = a if keeps_x else z
        node._pg_second = z if count == 2 else None
        node._pg_version = version
        node._pg_origins = origins
        return record(node, z)

    return apply
