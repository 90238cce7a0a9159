"""What a forward or a backward does with its ctx, as its bytecode shows.

To read the ``__dict__`` of a record makes it: 72 bytes for each node of a graph, which Python's
collector counts. So after a forward that cannot have left anything there, the gates do not look.

A backward that only computes with gradients, saved tensors and numbers does not use torch's
autograd, and may run below it as built-in rules do.
"""

from __future__ import annotations

import dis
from itertools import pairwise
from types import FunctionType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

#: What makes a call more than a record of what was saved.
_MARKS = frozenset({"mark_dirty", "mark_non_differentiable", "save_for_forward"})
_IN_SLOTS = frozenset({"needs_input_grad", "save_for_backward"})
_READ_BY_RULES = frozenset({"needs_input_grad", "saved_tensors"})
#: Instructions, of Python 3.10 and later, that bring in nothing from outside and call nothing:
#: their operands are what the function was given, and constants.
_ARITHMETIC = frozenset(
    {
        *("BINARY_OP", "BINARY_ADD", "BINARY_SUBTRACT", "BINARY_MULTIPLY", "BINARY_TRUE_DIVIDE"),
        *("BINARY_FLOOR_DIVIDE", "BINARY_MODULO", "BINARY_POWER", "BINARY_MATRIX_MULTIPLY"),
        *("BINARY_SUBSCR", "UNARY_NEGATIVE", "UNARY_INVERT", "UNARY_NOT", "TO_BOOL"),
        *("COMPARE_OP", "IS_OP", "BUILD_TUPLE", "UNPACK_SEQUENCE"),
        *("LOAD_CONST", "LOAD_SMALL_INT", "LOAD_FAST", "LOAD_FAST_CHECK", "LOAD_FAST_BORROW"),
        *("LOAD_FAST_LOAD_FAST", "LOAD_FAST_BORROW_LOAD_FAST_BORROW"),
        *("STORE_FAST", "STORE_FAST_LOAD_FAST", "STORE_FAST_STORE_FAST"),
        *("POP_TOP", "COPY", "SWAP", "ROT_TWO", "ROT_THREE", "DUP_TOP", "NOP", "CACHE", "RESUME"),
        *("JUMP_FORWARD", "POP_JUMP_IF_FALSE", "POP_JUMP_IF_TRUE"),
        *("POP_JUMP_FORWARD_IF_FALSE", "POP_JUMP_FORWARD_IF_TRUE"),
        *("POP_JUMP_IF_NONE", "POP_JUMP_IF_NOT_NONE", "NOT_TAKEN"),
        *("POP_JUMP_FORWARD_IF_NONE", "POP_JUMP_FORWARD_IF_NOT_NONE"),
        *("RETURN_VALUE", "RETURN_CONST"),
    }
)


def leaves_no_tensor(forward: Callable[..., Any], builtin: bool) -> bool:
    """Whether ``forward`` surely sets no tensor on its ctx and marks none.

    A user's sets nothing at all. A built-in op's may set attributes: the tests see to it that none
    is a tensor. False where it cannot be told, as of a forward that hands ctx to another function.
    """
    steps = _steps(forward)
    return bool(steps) and all(_allowed(step, builtin) for step in _of_ctx(forward, steps))


def _allowed(step: dis.Instruction, builtin: bool) -> bool:
    if step.opname in ("LOAD_ATTR", "LOAD_METHOD"):
        return step.argval not in _MARKS if builtin else step.argval in _IN_SLOTS
    return builtin and step.opname == "STORE_ATTR"


def is_arithmetic(backward: Callable[..., Any]) -> bool:
    """Whether ``backward`` surely does no more than operators do, with what it is given.

    It calls nothing, changes nothing in place, and takes from its ctx the saved tensors and
    ``needs_input_grad`` alone. False where it cannot be told.
    """
    steps = _steps(backward)
    if not steps or backward.__defaults__ or backward.__kwdefaults__:  # which may be anything
        return False
    reads = _of_ctx(backward, steps)
    if not all(s.opname == "LOAD_ATTR" and s.argval in _READ_BY_RULES for s in reads):
        return False
    others = [step for step in steps if step not in reads]
    return all(s.opname in _ARITHMETIC and not _is_in_place(s) for s in others)


def _is_in_place(step: dis.Instruction) -> bool:
    return step.opname == "BINARY_OP" and step.argrepr.endswith("=")


def _steps(function: Callable[..., Any]) -> list[dis.Instruction]:
    if not isinstance(function, FunctionType) or not function.__code__.co_argcount:
        return []
    return list(dis.get_instructions(function))


def _of_ctx(function: Callable[..., Any], steps: list[dis.Instruction]) -> list[dis.Instruction]:
    """What is done with ctx: each instruction that follows one that loads (or stores) it."""
    ctx, found = function.__code__.co_varnames[0], []
    for step, following in pairwise(steps):
        loaded = step.argval if isinstance(step.argval, tuple) else (step.argval,)
        if ctx in loaded:
            # Since Python 3.13 two names may be loaded at once: what follows is of the last one.
            found.append(following if loaded.index(ctx) == len(loaded) - 1 else step)
    return found
