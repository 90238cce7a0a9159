"""Saved-tensor hooks: applied to the tensors that a record saved."""

from __future__ import annotations

import weakref
from threading import local
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from plugrad.core.context import (
    Packed,
    PackedByCheckpoint,
    raise_changed,
    raw_saved,
    running,
    whole,
)
from plugrad.core.recomputation import for_records, runs_again
from plugrad.core.variable import plain
from plugrad.errors import GraphFreedError, HookError, InplaceError

if TYPE_CHECKING:
    from collections.abc import Callable

    from plugrad.core.node import Record
    from plugrad.core.recomputation import Hooks

#: The kinds of device whose autocast mode backward and recomputation restore.
AUTOCAST_DEVICES = ("cpu", "cuda", "mps", "xpu")


def enabled_autocast() -> list[tuple[str, torch.dtype]]:
    """The kinds of device that autocast is on for, each with its dtype."""
    return [
        (device, torch.get_autocast_dtype(device))
        for device in AUTOCAST_DEVICES
        if torch.is_autocast_enabled(device)
    ]


def _watch_torchs_hooks() -> Callable[[bool], Hooks | None]:
    """Note which hooks are pushed and popped, for a torch that does not say (2.6).

    Returns: A function that gives the innermost pair in force in this thread.
    """
    torchs: Any = torch._C._autograd
    push, pop = torchs._push_saved_tensors_default_hooks, torchs._pop_saved_tensors_default_hooks
    thread = local()

    def pushed(pack: Callable[[Any], Any], unpack: Callable[[Any], Any]) -> None:
        push(pack, unpack)
        thread.__dict__.setdefault("pairs", []).append((pack, unpack))

    def popped() -> None:
        pop()
        if pairs := thread.__dict__.get("pairs"):  # not if it was pushed before the import
            pairs.pop()

    def top(_: bool) -> Hooks | None:
        pairs = thread.__dict__.get("pairs")
        return pairs[-1] if pairs else None

    torchs._push_saved_tensors_default_hooks = pushed
    torchs._pop_saved_tensors_default_hooks = popped
    return top


top_hooks: Callable[[bool], Any] = (
    getattr(torch._C._autograd, "_top_saved_tensors_default_hooks", None) or _watch_torchs_hooks()
)


def top_saved_tensors_hooks() -> Hooks | None:
    """The innermost pair of pack and unpack hooks in force, torch's or ours."""
    return top_hooks(True)  # type: ignore[no-any-return]


def pack_saved(record: Record) -> None:
    """Hand the saved tensors to the saved-tensor hooks that are in force, if there are any."""
    hooks = top_saved_tensors_hooks()
    saved = record._pg_saved
    if hooks is None or not saved or running.packs_later or isinstance(saved, Packed):
        return
    pack, unpack = for_records(hooks)
    again = runs_again(unpack)
    packed = [
        (unpack if again else _Watched(record, unpack, value), _packed(record, pack, value))
        if isinstance(value, Tensor)
        else (None, value)
        for value in saved
    ]
    record._pg_saved = PackedByCheckpoint(packed) if again else Packed(packed)
    for name in ("_pg_constant_operands", "_pg_constant_operand"):
        if getattr(record, name, None) is not None:
            delattr(record, name)  # what was packed is a constant, as in torch
    record._pg_special = True  # the hooks are the user's: they see torch's autograd


def _packed(record: Record, pack: Callable[[Any], Any], tensor: Tensor) -> Any:
    version = whole(tensor)._version
    packed = pack(tensor)
    if whole(tensor)._version != version:
        raise InplaceError(
            "A saved tensor pack hook is modifying its input in place.",
            where=f"a tensor saved by {record._pg_op_name}",
            fix="change a clone() of it in the hook",
        )
    return packed


class SavedTensor:
    """A saved value of one record, for hooks of its own: torch's class of this name."""

    __slots__ = ("_index", "_record")

    def __init__(self, record: Record, index: int) -> None:
        self._record, self._index = record, index

    def register_hooks(
        self, pack_hook: Callable[[Any], Any], unpack_hook: Callable[[Any], Any]
    ) -> None:
        """Keep ``pack_hook(tensor)``, and give backward what ``unpack_hook`` makes of it.

        Raises:
            GraphFreedError: a backward has freed the value.
            HookError: it is None, or has hooks already.
            SavedTensorChangedError: what the record saved was changed meanwhile.
        """
        record, index = self._record, self._index
        where = f"value {index} that {record._pg_op_name} saved"
        saved = record._pg_saved
        if saved is None:
            raise GraphFreedError(
                "Calling register_hooks on a saved tensor after it has been freed",
                where=where,
                fix="register them before backward, or pass retain_graph=True to it",
            )
        if not isinstance(saved, Packed):
            entries: list[tuple[Any, Any]] = [_as_saved(record, v) for v in raw_saved(record)]
        else:
            entries = list(saved)
        unpack, value = entries[index]
        if not isinstance(value, Tensor) and unpack is None:
            raise HookError(
                f"Calling register_hooks on a saved tensor with value {value} is forbidden",
                where=where,
                fix="register hooks for the tensors only",
            )
        if unpack is not None and not isinstance(unpack, _Unchanged):
            raise HookError(
                "Calling register_hooks on a saved tensor whose hooks have already been set",
                where=where,
                fix="register one pair, outside saved_tensors_hooks",
            )
        watched = _Watched(record, unpack_hook, value)
        entries[index] = watched, _packed(record, pack_hook, value)
        record._pg_saved = Packed(entries)
        record._pg_special = True


def _as_saved(record: Record, value: Any) -> tuple[Any, Any]:
    """An entry of Packed for a value without hooks."""
    if not isinstance(value, Tensor):
        return None, value
    return _Unchanged(record, whole(value)._version), value


class _Unchanged:
    """Returns a saved tensor that no hook packed, if it is what was saved."""

    __slots__ = ("_record", "_version")

    def __init__(self, record: Record, version: int) -> None:
        self._record, self._version = weakref.ref(record), version

    def __call__(self, tensor: Tensor) -> Tensor:
        record = self._record()
        if record is not None and whole(tensor)._version != self._version:
            raise_changed(record, (tensor,))
        return tensor


class _Watched:
    """An unpack hook: a tensor that the hooks kept as it is must be as it was, too."""

    __slots__ = ("_record", "_tensor", "_unpack", "_version")

    def __init__(self, record: Record, unpack: Callable[[Any], Any], tensor: Tensor) -> None:
        self._record, self._unpack = weakref.ref(record), unpack
        self._tensor, self._version = weakref.ref(tensor), whole(tensor)._version

    def __call__(self, packed: Any) -> Any:
        tensor, record = self._tensor(), self._record()
        changed = tensor is not None and whole(tensor)._version != self._version
        value = self._unpack(packed)
        if tensor is not None and getattr(value, "_data", value) is tensor:
            if changed and record is not None:
                raise_changed(record, (tensor,))
            self._version = whole(tensor)._version  # the hook itself may change it
        return value


def saved_attribute(record: Record, name: str) -> Any:
    """What torch's nodes have as ``_saved_self``, ``_saved_result`` or ``_raw_saved_self``.

    The name is that of forward's parameter, as torch or as the op calls it; ``result`` is
    the output. What forward set on its context is available in the same way
    (``_saved_dim``).

    Raises:
        AttributeError: nothing of that name was saved.
        GraphFreedError, SavedTensorChangedError: as ``saved_tensors`` does.
    """
    raw, own = name.startswith("_raw_saved_"), name.removeprefix("_raw").removeprefix("_saved_")
    if name == "saved_tensors":
        return saved_variables(record)
    if name == "_raw_saved_tensors":
        saved = record._pg_saved
        if saved is None:
            raw_saved(record)  # raises
        return tuple([SavedTensor(record, i) for i in range(len(saved or ()))])
    names = saved_names(record)
    own = own if record._pg_function is None else record._pg_function.signature.known(own)
    found = [i for i, each in enumerate(names) if each == own]
    if not found and not raw and own in vars(record):
        return vars(record)[own]
    if not found:
        raise AttributeError(f"{record!r} has no attribute {name!r}")
    values: list[Any] = [SavedTensor(record, i) for i in found]
    if not raw:
        saved = saved_variables(record)
        values = [saved[i] for i in found]
    return values[0] if len(values) == 1 else tuple(values)


def saved_variables(record: Record) -> tuple[Any, ...]:
    """The ``saved_tensors`` of a node: Variables; a leaf is itself, an intermediate a constant.

    Raises:
        GraphFreedError, SavedTensorChangedError: as ``Context.saved_tensors`` does.
    """
    shown: list[Any] = []
    for i, value in enumerate(raw_saved(record)):
        origin = record._pg_origins[i]
        edge = record._pg_edges[origin] if isinstance(origin, int) and origin >= 0 else None
        leaf = getattr(edge, "variable", None)
        if leaf is not None and _same(value, leaf._data):
            shown.append(leaf)
        elif origin.__class__ is str and isinstance(value, Tensor):
            shown.append(plain(value))
        else:
            shown.append(record._pg_as_variable(i, value))
    return tuple(shown)


def _same(a: Any, b: Tensor) -> bool:
    """Whether both are one tensor; an adopted Function was given another object of it."""
    strided = type(a) is type(b) is Tensor and a.layout is b.layout is torch.strided
    return a is b or (strided and a.is_set_to(b))


def saved_names(record: Record) -> list[str | None]:
    """For each saved value the name of its parameter or output; None if it is neither."""
    function = record._pg_function
    parameters: list[str] = []
    if function is not None:
        parameters = list(function.signature.positional)
        if record._pg_list_lengths is not None:
            pairs = zip(parameters, record._pg_list_lengths, strict=False)
            parameters = [p for p, length in pairs for _ in range(1 if length is None else length)]
    names: list[str | None] = []
    for origin in record._pg_origins if record._pg_saved != () else ():
        if not isinstance(origin, int):
            names.append(None)
        elif origin < 0:
            several = record._pg_outputs is not None and len(record._pg_outputs) > 1
            names.append(f"result{-1 - origin}" if several else "result")
        else:
            names.append(parameters[origin] if origin < len(parameters) else None)
    return names
