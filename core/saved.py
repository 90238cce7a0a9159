"""Saved-tensor hooks: what they make of the tensors that a record saved, and recomputation."""

from __future__ import annotations

import weakref
from threading import local
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

import torch
import torch.utils.checkpoint
from torch import Tensor
from torch.autograd.graph import saved_tensors_hooks

from plugrad.core.context import (
    UNKNOWN,
    Packed,
    PackedByCheckpoint,
    raise_changed,
    raw_saved,
    running,
)
from plugrad.core.variable import plain
from plugrad.errors import CheckpointError, GraphFreedError, HookError, InplaceError

if TYPE_CHECKING:
    from collections.abc import Callable

    from plugrad.core.node import Record

#: The kinds of device whose autocast mode backward and recomputation restore.
AUTOCAST_DEVICES = ("cpu", "cuda", "mps", "xpu")


def enabled_autocast() -> list[tuple[str, torch.dtype]]:
    """The kinds of device that autocast is on for, each with its dtype."""
    return [
        (device, torch.get_autocast_dtype(device))
        for device in AUTOCAST_DEVICES
        if torch.is_autocast_enabled(device)
    ]


_Hooks = tuple["Callable[[Any], Any]", "Callable[[Any], Any]"]


def _watch_torchs_hooks() -> Callable[[bool], _Hooks | None]:
    """Note which hooks are pushed and popped, for a torch that does not say (2.6).

    Returns:
        What tells the innermost pair that is in force in this thread.
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

    def top(_: bool) -> _Hooks | None:
        pairs = thread.__dict__.get("pairs")
        return pairs[-1] if pairs else None

    torchs._push_saved_tensors_default_hooks = pushed
    torchs._pop_saved_tensors_default_hooks = popped
    return top


top_hooks: Callable[[bool], Any] = (
    getattr(torch._C._autograd, "_top_saved_tensors_default_hooks", None) or _watch_torchs_hooks()
)


def top_saved_tensors_hooks() -> _Hooks | None:
    """The innermost pair of pack and unpack hooks in force, torch's or ours."""
    return top_hooks(True)  # type: ignore[no-any-return]


def pack_saved(record: Record) -> None:
    """Hand the saved tensors to the saved-tensor hooks that are in force, if there are any."""
    hooks = top_saved_tensors_hooks()
    saved = record._pg_saved
    if hooks is None or not saved or running.packs_later or isinstance(saved, Packed):
        return
    pack, unpack = _of_torchs_checkpoint(hooks)
    packed = [
        (unpack, _packed(record, pack, value)) if isinstance(value, Tensor) else (None, value)
        for value in saved
    ]
    again = isinstance(getattr(unpack, "__self__", None), Recomputation)
    record._pg_saved = PackedByCheckpoint(packed) if again else Packed(packed)
    record.__dict__.pop("_pg_constant_operands", None)  # what was packed is a constant, as in torch
    record._pg_special = True  # the hooks are the user's: they see torch's autograd


def _packed(record: Record, pack: Callable[[Any], Any], tensor: Tensor) -> Any:
    version = tensor._version
    packed = pack(tensor)
    if tensor._version != version:
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
            entries: list[tuple[Any, Any]] = [_as_saved(record, value) for value in saved]
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
        entries[index] = unpack_hook, _packed(record, pack_hook, value)
        record._pg_saved = Packed(entries)
        record._pg_special = True


def _as_saved(record: Record, value: Any) -> tuple[Any, Any]:
    """An entry of Packed for a value without hooks."""
    if not isinstance(value, Tensor):
        return None, value
    return _Unchanged(record, value._version), value


class _Unchanged:
    """Gives back a saved tensor that no hook packed, if it is what was saved."""

    __slots__ = ("_record", "_version")

    def __init__(self, record: Record, version: int) -> None:
        self._record, self._version = weakref.ref(record), version

    def __call__(self, tensor: Tensor) -> Tensor:
        record = self._record()
        if record is not None and tensor._version != self._version:
            raise_changed(record, (tensor,))
        return tensor


def saved_attribute(record: Record, name: str) -> Any:
    """What torch's nodes have as ``_saved_self``, ``_saved_result`` or ``_raw_saved_self``.

    The name is that of forward's parameter, as torch or as the op calls it; ``result`` is the
    output. What forward set on its context can be had in the same way (``_saved_dim``).

    Raises:
        AttributeError: nothing of that name was saved.
        GraphFreedError, SavedTensorChangedError: as ``saved_tensors`` does.
    """
    raw, own = name.startswith("_raw_saved_"), name.removeprefix("_raw").removeprefix("_saved_")
    if name == "saved_tensors":
        return saved_variables(record)
    if name == "_raw_saved_tensors":
        return tuple([SavedTensor(record, i) for i in range(len(record._pg_origins))])
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
        elif origin is UNKNOWN and isinstance(value, Tensor):
            shown.append(plain(value))
        else:
            shown.append(record._pg_as_variable(i, value))
    return tuple(shown)


def _same(a: Any, b: Tensor) -> bool:
    """Whether both are one tensor; an adopted Function was given another object of it."""
    strided = type(a) is type(b) is Tensor and a.layout is b.layout is torch.strided
    return a is b or (strided and a.is_set_to(b))


def saved_names(record: Record) -> list[str | None]:
    """Of each saved value the name of the parameter or output that it is; None if neither."""
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


class Recomputation:
    """Saved-tensor hooks that keep nothing, and run a function again when it is needed.

    A tensor is known by its number in the order of saving. One backward runs the function once,
    whatever it saves, and each tensor is let go when it was handed out.

    Args:
        rerun: runs the function again; what its calls save is what is wanted.
        early_stop: end it as soon as the last tensor was saved.
        check: whether shape, dtype and device of each tensor must be what they were.
    """

    def __init__(self, rerun: Callable[[], Any], early_stop: bool, check: bool) -> None:
        self._rerun, self._early_stop, self._check = rerun, early_stop, check
        #: Whether the first run has ended; a backward inside it may need what it saved so far.
        self.is_complete: Callable[[], bool] = lambda: False
        #: What torch's debug mode has to say of a difference; it raises an error that says it.
        self.explain: Callable[[Any], Any] | None = None
        self._facts: list[tuple[Any, ...]] = []
        self._found: WeakKeyDictionary[Any, dict[int, Tensor]] = WeakKeyDictionary()  # by walk

    def pack(self, tensor: Tensor) -> int:
        """Keep the number of a tensor in its place."""
        self._facts.append(_facts(tensor))
        return len(self._facts) - 1

    def unpack(self, number: int) -> Tensor:
        """The tensor of this number, computed again.

        Raises:
            CheckpointError: the function saved other tensors this time.
        """
        walk = running.walk
        found = {} if walk is None else self._found.setdefault(walk, {})
        if number not in found:
            try:
                found.update(self._recomputed())
            except CheckpointError as error:
                self._explain(error)
                raise
        return found.pop(number)

    def _explain(self, error: CheckpointError) -> None:
        if self.explain is None:
            return
        try:
            self.explain(error)
        except RuntimeError as explained:
            text = str(explained)
        else:
            return
        raise CheckpointError(f"{error.what}\n{text}", where=error.where, fix=error.fix) from error

    def _recomputed(self) -> dict[int, Tensor]:
        found: dict[int, Tensor] = {}

        def keep(tensor: Tensor) -> Tensor:
            number = len(found)
            if number < len(self._facts):
                self._compare(number, tensor)
            found[number] = tensor
            if self._early_stop and number + 1 == len(self._facts):
                raise _Enough
            return tensor

        rule, running.recorded_rule = running.recorded_rule, None
        try:
            with hooks_of_checkpoint(keep, lambda tensor: tensor), torch.enable_grad():
                self._rerun()
        except _Enough:
            pass
        finally:
            running.recorded_rule = rule
        if self._check and self.is_complete() and len(found) != len(self._facts):
            more = len(found) > len(self._facts)
            raise CheckpointError(
                "A different number of tensors was saved during the original forward and "
                f"recomputation: {len(self._facts)} and {len(found)}"
                + (" (trying to save more tensors during recomputation)" if more else ""),
                where="the recomputation in backward",
                fix="let it do the same each time: no state that it changes, no clock; pass "
                "determinism_check='none' if more or fewer are right; "
                "debug=True lists what both runs did",
            )
        return found

    def _compare(self, number: int, tensor: Tensor) -> None:
        was, now = self._facts[number], _facts(tensor)
        if self._check and was != now:
            raise CheckpointError(
                "Recomputed values for the following tensors have different metadata than during "
                f"the forward pass: tensor {number} that the checkpointed function saved is {now}, "
                f"was {was}",
                where="the recomputation in backward",
                fix="let the function do the same each time: no state that it changes, no clock",
            )


# Selective checkpointing of torch 2.14 looks through these for the user's hooks.
_HooksOfCheckpoint: Any = getattr(
    torch.utils.checkpoint, "_checkpoint_internal_hook", saved_tensors_hooks
)


def hooks_of_checkpoint(pack: Callable[[Tensor], Any], unpack: Callable[[Any], Tensor]) -> Any:
    """Hooks that torch takes for its own checkpoint's, and not for the user's."""

    def packs(tensor: Tensor) -> Any:
        return pack(tensor)

    packs._checkpoint_internal = True  # type: ignore[attr-defined]
    return _HooksOfCheckpoint(packs, unpack)


class _Enough(BaseException):
    """Ends a recomputation; not an Exception, which the function might catch."""


def _facts(tensor: Tensor) -> tuple[Any, ...]:
    return tuple(tensor.shape), tensor.dtype, tensor.device


def _of_torchs_checkpoint(hooks: _Hooks) -> _Hooks:
    """The hooks to use: for those of torch.utils.checkpoint, ours with its recomputation.

    Outside torch's own engine they would run the function again for each saved tensor.
    """
    pack = hooks[0]
    if getattr(pack, "__qualname__", "") != "_checkpoint_hook.__init__.<locals>.pack_hook":
        return hooks
    variables = zip(pack.__code__.co_freevars, pack.__closure__ or (), strict=True)
    frame = dict(variables)["frame"].cell_contents
    found = getattr(frame, "plugrad_recomputation", None)
    if found is None:
        check = frame.metadata_fn is not None
        found = Recomputation(lambda: frame.recompute_fn(*_inputs(frame)), frame.early_stop, check)
        found.is_complete = lambda: getattr(frame, "forward_completed", True)
        found.explain = getattr(frame, "unpack_error_cb", None)
        frame.plugrad_recomputation = found
    return found.pack, found.unpack


def _inputs(frame: Any) -> Any:
    if hasattr(frame, "get_inputs"):
        return frame.get_inputs()
    saver = frame.input_saver.grad_fn  # older than torch 2.9, say
    return saver.get_args(saver.saved_tensors)
