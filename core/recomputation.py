"""Recomputation: saved-tensor hooks that keep nothing and run a function again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

import torch
import torch.utils.checkpoint
from torch import Tensor
from torch.autograd.graph import saved_tensors_hooks

from plugrad.core.context import running
from plugrad.errors import CheckpointError

if TYPE_CHECKING:
    from collections.abc import Callable

#: torch's GraphExecGroup around this, if any; older than torch 2.13, it has none.
_current_group: Callable[[], Any] = getattr(torch._C, "_get_graph_exec_group", lambda: None)

#: What torch's checkpoint asks of a tensor with determinism_check="none".
_CHECKS_NOTHING = torch.utils.checkpoint._allowed_determinism_checks_to_fns["none"]

#: A pair of a pack and an unpack hook.
Hooks = tuple["Callable[[Any], Any]", "Callable[[Any], Any]"]


class Memory:
    """What is known of a call that runs again: of the tensors, and those that a backward found."""

    def __init__(self) -> None:
        self.facts: list[tuple[Any, ...]] = []
        #: By walk, or by group.
        self.found: WeakKeyDictionary[Any, dict[int, Tensor]] = WeakKeyDictionary()


class Recomputation:
    """Saved-tensor hooks that keep nothing, and run a function again when it is needed.

    A tensor is known by its number in the order of saving. One backward (or group of backwards)
    runs the function once, however much it saves, and releases each tensor once it was handed out.

    Args:
        rerun: runs the function again; what its calls save is what is wanted.
        early_stop: end it as soon as the last tensor was saved.
        check: whether shape, dtype and device of each tensor must be what they were.
        memory: that of another Recomputation of the same call, to go on with.
    """

    def __init__(
        self, rerun: Callable[[], Any], early_stop: bool, check: bool, memory: Memory | None = None
    ) -> None:
        self._rerun, self._early_stop, self._check = rerun, early_stop, check
        #: Whether the first run has ended; a backward inside it may need what it saved so far.
        self.is_complete: Callable[[], bool] = lambda: False
        #: Torch's debug mode reports a difference by raising an error with the details.
        self.explain: Callable[[Any], Any] | None = None
        memory = Memory() if memory is None else memory
        self._facts, self._found = memory.facts, memory.found

    def pack(self, tensor: Tensor) -> int:
        """Keep the number of a tensor in its place."""
        self._facts.append(_facts(tensor))
        return len(self._facts) - 1

    def unpack(self, number: int) -> Tensor:
        """The tensor of this number, computed again.

        Raises:
            CheckpointError: the function saved other tensors this time.
        """
        # torch's GraphExecGroup makes several backwards count as one.
        reader = _current_group() or running.walk
        found = {} if reader is None else self._found.setdefault(reader, {})
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
    """Hooks that torch treats as its own checkpoint's, not as the user's."""

    def packs(tensor: Tensor) -> Any:
        return pack(tensor)

    packs._checkpoint_internal = True  # type: ignore[attr-defined]
    return _HooksOfCheckpoint(packs, unpack)


class _Enough(BaseException):
    """Ends a recomputation; not an Exception, which the function might catch."""


def _facts(tensor: Tensor) -> tuple[Any, ...]:
    return tuple(tensor.shape), tensor.dtype, tensor.device


def of_torchs_checkpoint(hooks: Hooks) -> Hooks:
    """The hooks to use: for those of torch.utils.checkpoint, ours with its recomputation.

    Outside torch's own engine they would run the function again for each saved tensor.
    """
    pack = hooks[0]
    if getattr(pack, "__qualname__", "") != "_checkpoint_hook.__init__.<locals>.pack_hook":
        return hooks
    variables = zip(pack.__code__.co_freevars, pack.__closure__ or (), strict=True)
    frame = dict(variables)["frame"].cell_contents
    # The frame has only what does not refer to it: a cycle would keep the inputs until collected.
    memory = frame.__dict__.setdefault("plugrad_memory", Memory())
    check = frame.metadata_fn is not _CHECKS_NOTHING
    again = Recomputation(
        lambda: frame.recompute_fn(*_inputs(frame)), frame.early_stop, check, memory
    )
    again.is_complete = lambda: getattr(frame, "forward_completed", True)
    again.explain = getattr(frame, "unpack_error_cb", None)
    return again.pack, again.unpack


def _inputs(frame: Any) -> Any:
    if hasattr(frame, "get_inputs"):
        return frame.get_inputs()
    saver = frame.input_saver.grad_fn  # older than torch 2.9
    return saver.get_args(saver.saved_tensors)
