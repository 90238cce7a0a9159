"""watch_operators: calls of torch.library's operators, shown while a run of tests is recorded.

A mode of torch's would see them too, but then every call of a torch function goes through Python
(docs/decisions/0018). Here only ``__call__`` of the two classes of operators is exchanged.
"""

from __future__ import annotations

from functools import wraps
from typing import TYPE_CHECKING, Any

from torch._ops import OpOverload, OpOverloadPacket

if TYPE_CHECKING:
    from collections.abc import Callable

    from plugrad.interop.torchs_apply import Watcher

#: What torch itself does in a call.
_TORCHS: dict[Any, Callable[..., Any]] = {
    kind: kind.__call__ for kind in (OpOverload, OpOverloadPacket)
}


def watch_operators(watcher: Watcher | None) -> None:
    """Show ``watcher`` each call of ``torch.ops.namespace.name`` from Python before it is made.

    It changes nothing about the call. A custom op's own object calls such an operator. None ends
    it, and torch is as it was.

    Args:
        watcher: called with the operator, the arguments and the keyword arguments. What it
            returns is called, if it is not None, when the call raises.
    """
    for kind, torchs in _TORCHS.items():
        kind.__call__ = torchs if watcher is None else _watched(torchs, watcher)


def _watched(torchs: Callable[..., Any], watcher: Watcher) -> Callable[..., Any]:
    @wraps(torchs)
    def call(operator: Any, /, *args: Any, **kwargs: Any) -> Any:
        take_back = watcher(operator, args, kwargs)
        try:
            return torchs(operator, *args, **kwargs)
        except BaseException:
            if take_back is not None:
                take_back()
            raise

    return call
