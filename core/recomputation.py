"""Recomputation: saved-tensor hooks that keep nothing and run a function again."""

from __future__ import annotations

from functools import wraps
from types import FunctionType
from typing import TYPE_CHECKING, Any, NoReturn
from weakref import ReferenceType, WeakKeyDictionary, WeakValueDictionary, ref

import torch
import torch.utils.checkpoint
from torch import Tensor
from torch.autograd.graph import saved_tensors_hooks
from torch.utils import _pytree as pytree

from plugrad.core.context import running, whole
from plugrad.core.random_state import RandomState, cuda_in_use
from plugrad.errors import CheckpointError, SavedTensorChangedError

if TYPE_CHECKING:
    from collections.abc import Callable

#: torch's GraphExecGroup around this, if any; older than torch 2.13, it has none.
_current_group: Callable[[], Any] = getattr(torch._C, "_get_graph_exec_group", lambda: None)

#: What torch's checkpoint asks of a tensor with determinism_check="none".
_CHECKS_NOTHING = torch.utils.checkpoint._allowed_determinism_checks_to_fns["none"]

#: A pair of a pack and an unpack hook.
Hooks = tuple["Callable[[Any], Any]", "Callable[[Any], Any]"]
#: A tensor, the whole batch of it, and how often that had been changed when it was saved.
Found = tuple[Tensor, Tensor, int]


class Holder:
    """What torch's graph has in the place of a tensor: while it lives, the tensor is wanted."""

    __slots__ = ("__weakref__", "number")

    def __init__(self, number: int) -> None:
        self.number = number


class Saves:
    """What is known of the tensors that a call saved, and those that a backward computed again.

    A tensor is known by its number in the order of saving; torch's own and ours are one order.
    """

    def __init__(self) -> None:
        self._facts: list[tuple[Any, ...]] = []
        self._torchs: WeakValueDictionary[int, Holder] = WeakValueDictionary()
        #: The numbers of those that a record of ours saved.
        self.ours: set[int] = set()
        #: By walk, or by group.
        self.found: WeakKeyDictionary[Any, dict[int, Found]] = WeakKeyDictionary()
        #: By number, the tensor whose memory it is, and how often that had been changed.
        self.memory: dict[int, tuple[ReferenceType[Tensor], int]] = {}

    def __len__(self) -> int:
        return len(self._facts)

    def add(self, tensor: Tensor) -> int:
        """Note a tensor that a record saves, and give it its number."""
        self._facts.append(_facts(tensor))
        number = len(self._facts) - 1
        self.ours.add(number)
        self.memory[number] = _memory(tensor)
        return number

    def add_torchs(self, tensor: Tensor) -> Holder:
        """Note a tensor that torch's graph saves."""
        self._facts.append(_facts(tensor))
        number = len(self._facts) - 1
        self._torchs[number] = holder = Holder(number)
        self.memory[number] = _memory(tensor)
        return holder

    def facts(self, number: int) -> tuple[Any, ...]:
        """What is known of a tensor."""
        return self._facts[number]

    def is_torchs(self, number: int) -> bool:
        """Whether torch's graph has a tensor of this number, which may still be asked for."""
        return number in self._torchs

    def take(self, found: dict[int, Found], number: int) -> Tensor:
        """The tensor of this number; one of torch's is kept, since a walk may come back to it."""
        tensor, own, version = found.pop(number) if number in self.ours else found[number]
        if own._version != version:
            _refuse_changed(tensor, "changes after it was saved")
        return tensor

    def versions(self) -> dict[int, int]:
        """How often the memories that are still there have been changed, by number."""
        alive = {number: reference() for number, (reference, _) in self.memory.items()}
        return {number: t._version for number, t in alive.items() if t is not None}

    def check_unchanged(self, number: int, tensor: Tensor, begun: dict[int, int]) -> None:
        """Refuse what the function finds changed; what it changes itself, it may have changed then.

        ``begun`` are the versions when the second run began.

        Raises:
            SavedTensorChangedError: the memory was there in the first run, with other values.
        """
        if number not in begun:
            return
        (before, was), (now, version) = self.memory[number], _memory(tensor)
        if before() is now() and was != version == begun[number]:
            _refuse_changed(tensor, "uses")


def _refuse_changed(tensor: Tensor, what: str) -> NoReturn:
    raise SavedTensorChangedError(
        "one of the variables needed for gradient computation has been modified by an inplace "
        f"operation: a checkpointed function, which backward runs again, {what} {tensor.dtype} "
        f"of shape {tuple(tensor.shape)}",
        where="the recomputation in backward",
        fix="change it after backward, or let the function change or use a clone() of it",
    )


class Recomputation:
    """Saved-tensor hooks that keep nothing, and run a function again when it is needed.

    One backward (or group of backwards) runs the function once, however much it saves, and
    releases each tensor once it was handed out.

    Args:
        rerun: runs the function again; what its calls save is what is wanted.
        early_stop: end it as soon as the last tensor was saved.
        check: whether shape, dtype and device of each tensor must be what they were.
        saves: what the call saved so far, if it is not only this Recomputation that notes it.
    """

    def __init__(
        self, rerun: Callable[[], Any], early_stop: bool, check: bool, saves: Saves | None = None
    ) -> None:
        self._rerun, self._early_stop, self._check = rerun, early_stop, check
        #: Whether the first run has ended; a backward inside it may need what it saved so far.
        self.is_complete: Callable[[], bool] = lambda: False
        #: Torch's debug mode reports a difference by raising an error with the details.
        self.explain: Callable[[Any], Any] | None = None
        self._saves = Saves() if saves is None else saves

    def pack(self, tensor: Tensor) -> int:
        """Keep the number of a tensor in its place."""
        return self._saves.add(tensor)

    def hooks(self) -> Any:
        """The hooks for what torch's graph saves; records find ``pack`` and ``unpack`` in them."""
        return hooks_of_checkpoint(
            self._saves.add_torchs,
            lambda holder: self.unpack(holder.number),
            (self.pack, self.unpack),
        )

    def unpack(self, number: int) -> Tensor:
        """The tensor of this number, computed again.

        Raises:
            CheckpointError: the function saved other tensors this time.
        """
        # torch's GraphExecGroup makes several backwards count as one.
        reader = _current_group() or running.walk
        found = {} if reader is None else self._saves.found.setdefault(reader, {})
        if number not in found:
            try:
                found.update(self._recomputed())
            except CheckpointError as error:
                self._explain(error)
                raise
        return self._saves.take(found, number)

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

    def _recomputed(self) -> dict[int, Found]:
        saves, number = self._saves, 0
        found: dict[int, Found] = {}
        begun = saves.versions()

        def keep(tensor: Tensor) -> Tensor:
            nonlocal number
            saves.check_unchanged(number, tensor, begun)
            if tensor.requires_grad:
                tensor = tensor.detach()  # torch's, which would keep itself alive
            if number in saves.ours or saves.is_torchs(number):
                self._compare(number, tensor)
                own = whole(tensor)
                found[number] = tensor, own, own._version
            number += 1
            if self._early_stop and number == len(saves):
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
        if self._check and self.is_complete() and number != len(saves):
            more = number > len(saves)
            raise CheckpointError(
                "A different number of tensors was saved during the original forward and "
                f"recomputation: {len(saves)} and {number}"
                + (" (trying to save more tensors during recomputation)" if more else ""),
                where="the recomputation in backward",
                fix="let it do the same each time: no state that it changes, no clock; pass "
                "determinism_check='none' if more or fewer are right; "
                "debug=True lists what both runs did",
            )
        return found

    def _compare(self, number: int, tensor: Tensor) -> None:
        if not self._check:
            return
        was, now = self._saves.facts(number), _facts(tensor)
        if was != now:
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


def hooks_of_checkpoint(
    pack: Callable[[Tensor], Any], unpack: Callable[[Any], Tensor], records: Hooks | None = None
) -> Any:
    """Hooks that torch treats as its own checkpoint's, not as the user's.

    ``records`` are others that records use in their place.
    """

    def packs(tensor: Tensor) -> Any:
        return pack(tensor)

    packs._checkpoint_internal = True  # type: ignore[attr-defined]
    if records is not None:
        packs.plugrad_hooks = records  # type: ignore[attr-defined]
    return _HooksOfCheckpoint(packs, unpack)


class _Enough(BaseException):
    """Ends a recomputation; not an Exception, which the function might catch."""


def _facts(tensor: Tensor) -> tuple[Any, ...]:
    return tuple(tensor.shape), tensor.dtype, tensor.device


def _memory(tensor: Tensor) -> tuple[ReferenceType[Tensor], int]:
    """The tensor that owns the memory, and how often it was changed."""
    own = whole(tensor)
    base = own._base
    return ref(own if base is None else base), own._version


class _SavesOfFrame(Saves):
    """What a call of torch.utils.checkpoint saved: torch's frame has the list of it.

    So the numbers are the same whoever runs the function again, and whoever saves.
    """

    def __init__(self, frame: Any, pack: Callable[[Tensor], Any]) -> None:
        self._frame, self._pack = frame, pack
        # The frame has only what does not refer to it: a cycle would keep the inputs until
        # collected.
        memory = frame.__dict__.setdefault("plugrad_memory", (set(), WeakKeyDictionary(), {}))
        self.ours, self.found, self.memory = memory

    def __len__(self) -> int:
        return len(self._frame.weak_holders)

    def add(self, tensor: Tensor) -> int:
        number = len(self)
        self._pack(tensor)  # without the holder, torch computes nothing for it
        self.ours.add(number)
        self.memory[number] = _memory(tensor)
        return number

    def facts(self, number: int) -> tuple[Any, ...]:
        known = self._frame.x_metadatas[number]
        return tuple(known["shape"]), known["dtype"], known["device"]

    def is_torchs(self, number: int) -> bool:
        return number < len(self) and self._frame.weak_holders[number]() is not None

    def number(self, holder: Any) -> int:
        """The number of what torch saved with this holder."""
        each = enumerate(self._frame.weak_holders)
        return next(number for number, reference in each if reference() is holder)


def for_records(hooks: Hooks) -> Hooks:
    """The hooks that a record uses where these are in force.

    For those of torch.utils.checkpoint, ours with its recomputation: outside torch's own engine
    they would run the function again for each saved tensor.
    """
    pack = hooks[0]
    if isinstance(pack, FunctionType) and "plugrad_hooks" in pack.__dict__:
        return pack.plugrad_hooks  # type: ignore[no-any-return,attr-defined]
    if getattr(pack, "__qualname__", "") != "_checkpoint_hook.__init__.<locals>.pack_hook":
        return hooks
    variables = zip(pack.__code__.co_freevars, pack.__closure__ or (), strict=True)
    frame = dict(variables)["frame"].cell_contents
    again = _recomputation_of(frame, _SavesOfFrame(frame, pack))
    return again.pack, again.unpack


def are_of_checkpoint(hooks: Hooks) -> bool:
    """Whether they are a checkpoint's, in its forward or where that is computed again."""
    pack, unpack = for_records(hooks)
    return runs_again(unpack) or getattr(pack, "_checkpoint_internal", False)


def runs_again(unpack: Callable[[Any], Any]) -> bool:
    """Whether it is the unpack hook of a Recomputation."""
    return isinstance(getattr(unpack, "__self__", None), Recomputation)


def _recomputation_of(frame: Any, saves: Saves) -> Recomputation:
    check = frame.metadata_fn is not _CHECKS_NOTHING
    again = Recomputation(
        lambda: frame.recompute_fn(*_inputs(frame)), frame.early_stop, check, saves
    )
    again.is_complete = lambda: getattr(frame, "forward_completed", True)
    again.explain = getattr(frame, "unpack_error_cb", None)
    return again


def _share_with_torchs_graph() -> None:
    """Let torch's graph of what a checkpoint saved have what a walk of ours computed again.

    Only where Variables saved something, too: torch would run the function once more for
    itself, each time that the walk goes into its graph. And torch looks for the devices whose
    random numbers are to be drawn again among the tensors that it is given, which Variables
    are not.
    """
    hook: Any = torch.utils.checkpoint._checkpoint_hook
    init = hook.__init__

    @wraps(init)
    def __init__(self: Any, frame: Any) -> None:  # noqa: N807
        init(self, frame)
        _draw_again(frame)
        pack, unpack = self.pack_hook, self.unpack_hook

        def unpacks(holder: Any) -> Any:
            if running.walk is None or "plugrad_memory" not in frame.__dict__:
                return unpack(holder)
            saves = _SavesOfFrame(frame, pack)
            return _recomputation_of(frame, saves).unpack(saves.number(holder))

        self.unpack_hook = unpacks

    hook.__init__ = __init__


def _draw_again(frame: Any) -> None:
    """Let a frame of torch's checkpoint restore the generators of devices, where torch does not."""
    if not cuda_in_use():
        return
    again = frame.recompute_fn
    cells = dict(zip(again.__code__.co_freevars, again.__closure__ or (), strict=True))
    if "preserve_rng_state" in cells and not cells["preserve_rng_state"].cell_contents:
        return
    state = RandomState(pytree.tree_leaves(_inputs(frame)))

    def recompute_fn(*args: Any) -> None:
        with state.again():
            again(*args)

    frame.recompute_fn = recompute_fn


_share_with_torchs_graph()


def _inputs(frame: Any) -> Any:
    if hasattr(frame, "get_inputs"):
        return frame.get_inputs()
    saver = frame.input_saver.grad_fn  # older than torch 2.9
    return saver.get_args(saver.saved_tensors)
