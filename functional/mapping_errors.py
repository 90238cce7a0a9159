"""What torch.vmap cannot do, as an error that names the op and what to do instead."""

from __future__ import annotations

from typing import TYPE_CHECKING

from plugrad.errors import PlugradError, VmapError

if TYPE_CHECKING:
    from types import TracebackType

#: Where ops are called, by what the frames call ``function``.
_CALLS = ("plugrad.core.call", "plugrad.core.general_call", "plugrad.core.twins")
#: What torch's errors have in them if the reason is that a tensor is a batch.
_WORDS = ("vmap", "Batching rule", "batching rule", "doesn't have storage")
#: How transforms that map are told not to.
_LOOPS = {
    "jacrev": "pass chunk_size=1 to jacrev",
    "jacobian": "leave vectorize out",
    "hessian": "leave vectorize out",
}


def named(error: RuntimeError, name: str) -> VmapError | None:
    """The error to raise for one of torch.vmap's from the function of this name; else None."""
    text = str(error).strip()
    if isinstance(error, PlugradError) or not any(word in text for word in _WORDS):
        return None
    op = _op_of(error.__traceback__)
    return VmapError(
        f"{op} cannot be mapped: {text if 'vmap' in text else f'vmap: {text}'}",
        where=f"a call of {op}, in {name}, of a whole batch",
        fix=_advice(text, name),
    )


def _op_of(traceback: TracebackType | None) -> str:
    """The op that was being called when an error was raised; else the Python function."""
    name = last = ""
    while traceback is not None:
        frame = traceback.tb_frame
        last = frame.f_code.co_name
        if frame.f_globals.get("__name__") in _CALLS and "function" in frame.f_locals:
            signature = getattr(frame.f_locals["function"], "signature", None)
            name = "" if signature is None else signature.op_name
        elif last == "fall_back":
            name = getattr(frame.f_locals.get("call"), "name", name)
        elif last in ("backward", "jvp"):
            of = getattr(frame.f_locals.get("ctx"), "_pg_op_name", None)
            name = name if of is None else f"the {last} of {of}"
        traceback = traceback.tb_next
    return name or last


def _advice(text: str, name: str) -> str:
    if name in _LOOPS:
        return f"{_LOOPS[name]}: it is a loop then, without vmap"
    if "random" in text:
        return "pass randomness='different' or randomness='same' to vmap"
    if "inplace" in text or "in-place" in text:
        return "use the op that is not in place: x = x + y for x += y, if y is mapped and x is not"
    if ".item()" in text or "control flow" in text:
        return (
            "compute without .item() and without a Python if on values (torch.where chooses by "
            "value)"
        )
    return "use other torch functions for it, or call it outside vmap: in a loop over the samples"
