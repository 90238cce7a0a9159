"""What a forward does with its ctx, as its bytecode shows.

To read the ``__dict__`` of a record makes it: 72 bytes for each node of a graph, which Python's
collector counts. So after a forward that cannot have left anything there, the gates do not look.
"""

from __future__ import annotations

import dis
from itertools import pairwise
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

#: What makes a call more than a record of what was saved.
_MARKS = frozenset({"mark_dirty", "mark_non_differentiable", "save_for_forward"})
_IN_SLOTS = frozenset({"needs_input_grad", "save_for_backward"})


def leaves_no_tensor(forward: Callable[..., Any], builtin: bool) -> bool:
    """Whether ``forward`` surely sets no tensor on its ctx and marks none.

    A user's sets nothing at all. A built-in op's may set attributes: the tests see to it that none
    is a tensor. False where it cannot be told, as of a forward that hands ctx to another function.
    """
    code = getattr(forward, "__code__", None)
    if code is None or not code.co_argcount:
        return False
    ctx, steps = code.co_varnames[0], list(dis.get_instructions(code))
    for step, following in pairwise(steps):
        loaded = step.argval if isinstance(step.argval, tuple) else (step.argval,)
        if ctx not in loaded:
            continue
        # Since Python 3.13 two names may be loaded at once: what follows is of the last one.
        if loaded.index(ctx) < len(loaded) - 1 or not _allowed(following, builtin):
            return False
    return True


def _allowed(step: dis.Instruction, builtin: bool) -> bool:
    if step.opname in ("LOAD_ATTR", "LOAD_METHOD"):
        return step.argval not in _MARKS if builtin else step.argval in _IN_SLOTS
    return builtin and step.opname == "STORE_ATTR"
