"""``isinstance(v, torch.Tensor)`` is true of a Variable where Python asks, never where C does.

C code assumes that whatever passes that test has a tensor's memory layout, and would read
memory that is not there. So ``__class__`` says Tensor only to a call of the builtin
isinstance, seen in the bytecode of the frame that asks (docs/decisions/0014). In doubt it
says the type.
"""

from __future__ import annotations

import builtins
import dis
import sys
from typing import TYPE_CHECKING, Any

import torch

from plugrad.errors import UnknownTorchFunctionError

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import CodeType, FrameType

    #: Gets the classes that are asked about, from the frame that asks.
    Question = Callable[[FrameType], Any]

#: Modules that ask in order to tell tensors apart, or to hand them to C code: the engine, and in
#: torch its private modules and those that trace, compile or keep tensors.
_NOT_TOLD = (
    "plugrad.cli.",
    "plugrad.core.",
    "plugrad.forward_ad.",
    "plugrad.func.",
    "plugrad.functional.",
    "plugrad.interop.",
    "plugrad.ops.",
    "plugrad.plugins.",
    "plugrad.testing.",
    "torch._",
    "torch.fx.",
    "torch.multiprocessing.",
    "torch.utils.checkpoint.",
    "torch.utils.weak.",
)
#: What models call: for their caches, which sets ``_dynamo_static_input_type``, and torch.jit's
#: isinstance, which in Python is isinstance.
_TOLD = {
    "torch._dynamo.decorators.mark_static_address",
    "torch._jit_internal._isinstance",
    "torch._jit_internal.container_checker",
}
#: Modules that ask in order to transform functions of tensors, and would then hand a Variable to C.
_REFUSED = (
    "torch._export.",
    "torch._functorch.apis.",
    "torch._functorch.eager_transforms.",
    "torch._functorch.vmap.",
    "torch._higher_order_ops.associative_scan.",
    "torch._higher_order_ops.cond.",
    "torch._higher_order_ops.map.",
    "torch._higher_order_ops.scan.",
    "torch._higher_order_ops.utils.",
    "torch._higher_order_ops.while_loop.",
    "torch._subclasses.meta_utils.",
    "torch._vmap_internals.",
    "torch.jit.",
)
#: What those modules are, by the beginnings of their names, and what to do instead.
_INSTEAD = {
    ("torch._functorch.", "torch._vmap_internals"): (
        "torch.func's transforms and torch.vmap",
        (
            "call plugrad.func's transform of the same name, as in plugrad.func.vmap(f)(x); for "
            "torch.autograd.functional's, plugrad.functional's"
        ),
    ),
    ("torch._higher_order_ops.",): (
        "torch.cond, while_loop, scan and the like",
        "write the branch or the loop in Python: whatever runs is recorded",
    ),
    ("torch.",): (
        "torch.jit and torch.export",
        (
            "where no gradient is needed, pass x.data and use tensors in the function; a "
            "converted module goes back with plugrad.interop.revert(model)"
        ),
    ),
}
#: The metaclass of torch.FloatTensor and the like, whose isinstance is written in C.
_TENSORTYPE = type(torch.FloatTensor)
_CALLS = {"CALL", "CALL_FUNCTION", "PRECALL"}
_FAST = {"LOAD_FAST", "LOAD_FAST_BORROW", "LOAD_FAST_CHECK", "LOAD_DEREF", "LOAD_CLASSDEREF"}
_MOST = 4096

_known: dict[tuple[int, int], tuple[CodeType, Question | None]] = {}


def _class_for_whoever_asks(variable: Any) -> type:
    """``__class__``: Tensor to isinstance(variable, torch.Tensor) in Python, else the type."""
    frame = sys._getframe(1)
    code, place = frame.f_code, frame.f_lasti
    found = _known.get((id(code), place))
    if found is None:
        found = _look(frame, code, place)
    question = found[1]
    if question is not None:
        try:
            if _asks_for_a_tensor(question(frame)):
                return torch.Tensor
        except (AttributeError, KeyError):  # deleted meanwhile, or a name that is made up
            pass
    return type(variable)


def _ignore(variable: Any, hint: str) -> None: ...


class TellsTensor:
    """Gives ``__class__`` to objects that are tensors for Python code only."""

    __slots__ = ()

    if not TYPE_CHECKING:
        __class__ = property(_class_for_whoever_asks)
        # A hint for what compiles, which compiles nothing of a Variable: it is not kept.
        _dynamo_static_input_type = property(None, _ignore)


def _asks_for_a_tensor(asked: Any) -> bool:
    """Whether the classes in the second argument of isinstance have Tensor among them."""
    tensor = False
    for kind in _flat(asked):
        if isinstance(kind, _TENSORTYPE):
            return False
        tensor = tensor or kind is torch.Tensor or kind is torch._C.TensorBase
    return tensor


def _flat(asked: Any) -> list[Any]:
    if isinstance(asked, tuple):
        return [kind for part in asked for kind in _flat(part)]
    parts = getattr(asked, "__args__", None)  # A | B
    return list(parts) if isinstance(parts, tuple) else [asked]


def _look(frame: FrameType, code: CodeType, place: int) -> tuple[CodeType, Question | None]:
    question, module = None, f"{frame.f_globals.get('__name__')}."
    if module.startswith(_REFUSED):
        question = _refused(_question(code, place))
    elif module + code.co_name in _TOLD or not module.startswith(_NOT_TOLD):
        question = _question(code, place)
    if len(_known) >= _MOST:
        _known.clear()
    found = _known[id(code), place] = (code, question)  # the code is kept, so its id stays its own
    return found


def _refused(question: Question | None) -> Question | None:
    def asked(frame: FrameType) -> Any:
        if question is not None and _asks_for_a_tensor(question(frame)):
            module = str(frame.f_globals.get("__name__"))
            what, fix = next(told for start, told in _INSTEAD.items() if module.startswith(start))
            raise UnknownTorchFunctionError(
                f"{what} cannot take a Variable: they work on functions of tensors",
                where=f"{frame.f_code.co_name} of {module}",
                fix=fix,
            )
        return ()

    return asked


# --- bytecode ------------------------------------------------------------------------


def _question(code: CodeType, place: int) -> Question | None:
    """What gives the second argument, if the instruction at ``place`` calls isinstance."""
    before = []
    for instruction in dis.get_instructions(code):
        if instruction.offset > place:
            break
        if instruction.opname not in ("CACHE", "EXTENDED_ARG", "NOP"):
            before += single(instruction)
    if not before or before[-1].offset != place:
        return None
    now = before.pop()
    if now.opname == "MATCH_CLASS":  # case torch.Tensor(): the names of its attributes come last
        return _expression(before[:-1])[0] if before[-1].opname == "LOAD_CONST" else None
    if now.opname not in _CALLS or now.arg != 2:
        return None
    if before[-1].opname == "PRECALL":
        before.pop()
    question, before = _expression(before)
    before = without_one_value(before)
    if before and before[-1].opname == "PUSH_NULL":
        before = before[:-1]
    if question is None or not before or before[-1].argval != "isinstance":
        return None
    called = _name(before[-1])
    return None if called is None else _if_builtin(called, question)


def single(instruction: dis.Instruction) -> list[dis.Instruction]:
    """Two instructions for one that loads two variables (Python 3.13 and later)."""
    names: Any = instruction.argval
    if not (isinstance(names, tuple) and instruction.opname.startswith("LOAD_FAST")):
        return [instruction]
    opcode = dis.opmap["LOAD_FAST"]
    return [instruction._replace(opname="LOAD_FAST", opcode=opcode, argval=n) for n in names]


def _if_builtin(called: Question, question: Question) -> Question:
    def asked(frame: FrameType) -> Any:
        return question(frame) if called(frame) is builtins.isinstance else ()

    return asked


def _expression(before: list[dis.Instruction]) -> tuple[Question | None, list[dis.Instruction]]:
    """What gives the value that the last instructions push, and those before them."""
    if not before:
        return None, before
    last, rest = before[-1], before[:-1]
    if last.opname == "LOAD_ATTR" and isinstance(last.argval, str):
        owner, rest = _expression(rest)
        return (None if owner is None else _attribute(owner, last.argval)), rest
    union = last.opname == "BINARY_OR" or (last.opname == "BINARY_OP" and last.argrepr == "|")
    if last.opname == "BUILD_TUPLE" or union:
        parts: list[Question] = []
        for _ in range(2 if union else last.arg or 0):
            part, rest = _expression(rest)
            if part is None:
                return None, rest
            parts.append(part)
        return _tuple(parts), rest
    if last.opname in _CALLS and last.arg == 1:
        return _type_of(rest)
    if dis.stack_effect(last.opcode, last.arg, jump=False) != 1:
        return None, before
    return _name(last), rest


def _type_of(before: list[dis.Instruction]) -> tuple[Question | None, list[dis.Instruction]]:
    """What gives ``type(value)``, called after these instructions, and those before them."""
    if before and before[-1].opname == "PRECALL":
        before = before[:-1]
    value, rest = _expression(before)
    null_last = bool(rest) and rest[-1].opname == "PUSH_NULL"  # Python 3.13 and later
    rest = rest[:-1] if null_last else rest
    if value is None or not rest or rest[-1].argval != "type":
        return None, before
    called, rest = _name(rest[-1]), rest[:-1]
    if rest and rest[-1].opname == "PUSH_NULL" and not null_last:
        rest = rest[:-1]
    return (None if called is None else _if_type(called, value)), rest


def _if_type(called: Question, value: Question) -> Question:
    def asked(frame: FrameType) -> Any:
        return type(value(frame)) if called(frame) is builtins.type else ()

    return asked


def _name(load: dis.Instruction) -> Question | None:
    name = load.argval
    if not isinstance(name, str):
        return None
    if load.opname == "LOAD_GLOBAL":
        return lambda frame: _global(frame, name)
    if load.opname == "LOAD_NAME":
        return lambda frame: _local(frame, name)
    return (lambda frame: frame.f_locals[name]) if load.opname in _FAST else None


def _local(frame: FrameType, name: str) -> Any:
    return frame.f_locals[name] if name in frame.f_locals else _global(frame, name)


def _global(frame: FrameType, name: str) -> Any:
    return frame.f_globals[name] if name in frame.f_globals else frame.f_builtins[name]


def _attribute(owner: Question, name: str) -> Question:
    return lambda frame: getattr(owner(frame), name)


def _tuple(parts: list[Question]) -> Question:
    return lambda frame: tuple([part(frame) for part in parts])


def without_one_value(before: list[dis.Instruction]) -> list[dis.Instruction]:
    """The instructions before those that push the last value; none if there is a jump."""
    needed = 1
    for index in range(len(before) - 1, -1, -1):
        each = before[index]
        if each.opcode in dis.hasjrel or each.opcode in dis.hasjabs:
            return []
        needed -= dis.stack_effect(each.opcode, each.arg, jump=False)
        if needed <= 0:
            return before[:index] if needed == 0 else []
    return []
