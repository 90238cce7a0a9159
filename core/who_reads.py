"""Which function of torch's reads a Variable's memory, of those that do not ask the engine.

They are written in C, and read what is not a tensor by DLPack. Python's frames show who called:
the bytecode of the caller says by which name. It is looked at for the message of an error only.
"""

from __future__ import annotations

import dis
import sys
from typing import TYPE_CHECKING

from plugrad.core.who_asks import single, without_one_value

if TYPE_CHECKING:
    from types import FrameType

_OP = "call plugrad.ops.{name} with the same indices, values and size: its values have a gradient"
_ITSELF = (
    "use the Variable itself, or x.to(dtype); or, where no gradient is wanted, "
    "torch.{name}(x.detach())"
)
_PADDED = (
    "pad the Variables to one length: torch.nn.utils.rnn.pad_sequence([x, y], batch_first=True); "
    "or, where no gradient is wanted, torch.nested.nested_tensor([x.data, y.data])"
)
#: By the function's name, what to do instead.
_INSTEAD = {
    **dict.fromkeys(
        (
            "sparse_bsc_tensor",
            "sparse_bsr_tensor",
            "sparse_compressed_tensor",
            "sparse_coo_tensor",
            "sparse_csc_tensor",
            "sparse_csr_tensor",
        ),
        _OP,
    ),
    "as_tensor": _ITSELF,
    "asarray": _ITSELF,
    "nested_tensor": _PADDED,
}
_SUBSCRIPT = dis.opmap.get("BINARY_SUBSCR")
_SUBSCRIPT_SINCE_3_14 = (dis.opmap.get("BINARY_OP"), 26)  # NB_SUBSCR
#: How many values a call has on the stack beside its positional arguments.
_CALLS = {
    "CALL": 0,
    "CALL_FUNCTION": 0,
    "CALL_METHOD": 0,
    "CALL_KW": 1,
    "CALL_FUNCTION_KW": 1,
}


def reader(depth: int) -> tuple[str, str] | None:
    """The name of the function that reads, and what to do instead; None if it is not known.

    Args:
        depth: the number of frames between the one that calls this and that of ``__dlpack__``.
    """
    frame: FrameType | None = sys._getframe(depth + 2)
    if frame is not None and frame.f_globals.get("__name__") == "torch.utils.dlpack":
        frame = frame.f_back
    if frame is None:
        return None
    of_torch = str(frame.f_globals.get("__name__")).startswith("torch.")
    name = frame.f_code.co_name if of_torch else _called(frame)
    instead = _INSTEAD.get(name)
    return None if instead is None else (name, instead.format(name=name))


def is_indexing() -> bool:
    """Whether what calls the method of ``b`` that calls this computes ``a[b]``."""
    frame = sys._getframe(2)
    code, place = frame.f_code.co_code, frame.f_lasti
    return code[place] == _SUBSCRIPT or tuple(code[place : place + 2]) == _SUBSCRIPT_SINCE_3_14


def _called(frame: FrameType) -> str:
    """The name of what the frame is calling; empty if it cannot be told."""
    before = []
    for instruction in dis.get_instructions(frame.f_code):
        if instruction.offset > frame.f_lasti:
            break
        if instruction.opname not in ("CACHE", "EXTENDED_ARG", "NOP", "KW_NAMES"):
            before += single(instruction)
    if not before or before[-1].offset != frame.f_lasti or before[-1].opname not in _CALLS:
        return ""
    call = before.pop()
    if before and before[-1].opname == "PRECALL":
        before.pop()
    for _ in range((call.arg or 0) + _CALLS[call.opname]):
        before = without_one_value(before)
    if before and before[-1].opname == "PUSH_NULL":
        before.pop()
    return str(before[-1].argval) if before else ""
