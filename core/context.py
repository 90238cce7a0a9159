"""Context: what an op's forward leaves for its backward; authors call it ``ctx``."""

from __future__ import annotations

import sys
from numbers import Number
from threading import local
from typing import TYPE_CHECKING, Any, NoReturn

import torch
from torch import Tensor
from torch.autograd.graph import increment_version

from plugrad.errors import (
    ArgumentError,
    ContextError,
    GraphFreedError,
    SavedIntermediateError,
    SavedTensorChangedError,
    TorchGraphError,
)

if TYPE_CHECKING:
    from collections.abc import Iterable

NUMBERS = frozenset({int, float, complex, bool})
_is_grad_enabled = torch.is_grad_enabled

#: The origin of a saved value that is neither an input nor an output; those of inputs are
#: their positions, those of outputs -1 - their position. A constant's is None.
UNKNOWN = "intermediate"
#: The origin of an input in the memory of another one that forward changed and marked as dirty:
#: its own edge is that of its values before the change.
ALTERED = "altered"
ORIGIN_X: tuple[Any, ...] = (0,)
ORIGIN_Y: tuple[Any, ...] = (-1,)
ORIGINS_XY: tuple[Any, ...] = (0, 1)


class _Running(local):
    """What is running in this thread."""

    #: The record whose rule runs, if its backward is being recorded.
    recorded_rule: Context | None = None
    #: The backward that runs, and how many run inside one another.
    walk: Any = None
    depth: int = 0
    #: Whether an in-place change will hand what is saved to the saved-tensor hooks itself.
    packs_later: bool = False
    #: The level of forward mode of ``plugrad.forward_ad``, if there is one.
    dual_level: Any = None


running = _Running()


#: Not empty once a Variable had a batched tensor of torch.vmap: until then nobody has to look.
batched_seen: list[bool] = []
_functorch: Any = torch._C._functorch
#: How many levels of torch.func are around this call.
transform_depth = _functorch.get_dynamic_layer_stack_depth


def whole(tensor: Tensor) -> Tensor:
    """The whole batch of a batched tensor of torch.vmap; any other tensor is returned as it is.

    The whole batch counts in-place changes and knows its views.
    """
    if batched_seen and transform_depth():
        while _functorch.is_functorch_wrapped_tensor(tensor):
            tensor = _functorch.get_unwrapped(tensor)
    return tensor


def total_version(saved: tuple[Any, ...]) -> int:
    """The in-place counters of all tensors in ``saved``, added up.

    They only ever grow, so the sum has changed exactly if one of them has. A plain loop
    over exact classes, since this runs in every backward of most ops.
    """
    total = 0
    batched = batched_seen and transform_depth()
    for value in saved:
        kind = value.__class__
        if kind is Tensor or isinstance(value, Tensor):
            total += whole(value)._version if batched else value._version
    return total


class Packed(tuple[Any, ...]):
    """Saved values that saved-tensor hooks packed: (unpack, packed value) or (None, value)."""

    __slots__ = ()


class PackedByCheckpoint(Packed):
    """Saved values that are computed again, once per run of the rule however often it asks."""

    __slots__ = ()


class Context:
    """The ``ctx`` of ``forward(ctx, ...)`` and ``backward(ctx, ...)``, as in torch.

    Any attribute may be set on it, except tensors: those go through ``save_for_backward``,
    so that an in-place change of them is noticed and so that they are freed with the graph.
    The engine's own attributes begin with ``_pg_``.
    """

    __slots__ = (
        "__dict__",
        "__weakref__",
        "_pg_first",
        "_pg_kept",
        "_pg_origins",
        "_pg_second",
        "_pg_version",
        "needs_input_grad",
    )

    #: The name errors call this op by; set by the op's own record type.
    _pg_op_name: str = "?"
    #: One flag per parameter of forward: does it need a gradient? For a list of tensors it
    #: is a tuple of flags, or False if none of them does.
    needs_input_grad: tuple[Any, ...]
    #: What was saved: a tuple, ``Packed``, or None once it is freed. One or two tensors, which is
    #: what most ops save, are in slots, and this is their number: each tuple of a live graph is
    #: one more object for Python's garbage collector to visit, again and again. It is set to None
    #: before the slots are, so that a thread that read them notices by looking at it once more.
    _pg_kept: tuple[Any, ...] | int | None
    _pg_first: Tensor | None
    _pg_second: Tensor | None
    _pg_version: int
    #: Where each saved value is from: see UNKNOWN.
    _pg_origins: tuple[Any, ...]

    # Rare attributes are in the instance's dict; these are the defaults.
    _pg_constants: tuple[Tensor, ...] = ()
    _pg_dirty: tuple[Tensor, ...] = ()
    _pg_materialize_grads: bool = True

    if TYPE_CHECKING:  # what forward sets is known only to backward

        def __getattr__(self, name: str) -> Any: ...
        def __setattr__(self, name: str, value: Any) -> None: ...

    def save_for_backward(self, *tensors: Tensor | complex | None) -> None:
        """Keep ``tensors`` for backward: inputs or outputs; or None or a number in their place.

        Raises:
            ContextError: anything else is saved, or a tensor of torch.inference_mode().
        """
        first: Any
        second: Any = None
        count = len(tensors)
        if count == 2:
            first, second = tensors
            in_slots = second is None or second.__class__ is Tensor
        else:
            first, in_slots = (tensors[0], True) if count == 1 else (None, False)
        in_slots = in_slots and (first is None or first.__class__ is Tensor)
        if not in_slots or (batched_seen and transform_depth()):
            _save_any(self, tensors)
            return
        try:
            total = 0 if first is None else first._version
            if second is not None:
                total += second._version
        except RuntimeError as error:
            _refuse_to_save(self, error)
        self._pg_first, self._pg_second, self._pg_kept = first, second, count
        self._pg_version = total

    def save_for_forward(self, *tensors: Tensor | complex | None) -> None:
        """Keep ``tensors`` for jvp, if it should not find what ``save_for_backward`` kept."""
        self._pg_for_jvp = tensors

    def mark_non_differentiable(self, *tensors: Tensor) -> None:
        """Say that no gradient flows through ``tensors``.

        They are outputs, or saved tensors that do not depend on the inputs (a random mask);
        such a tensor may be a constant in a second derivative.
        """
        _check_tensors(self, "mark_non_differentiable", tensors)
        self._pg_constants = (*self._pg_constants, *tensors)

    def mark_dirty(self, *tensors: Tensor) -> None:
        """Say that forward changed these inputs in place; it must also return them."""
        _check_tensors(self, "mark_dirty", tensors)
        self._pg_dirty = (*self._pg_dirty, *tensors)

    def set_materialize_grads(self, value: bool) -> None:
        """Whether backward gets zeros (True, the default) or None for an unused output."""
        self._pg_materialize_grads = value

    @property
    def saved_tensors(self) -> tuple[Any, ...]:
        """What ``save_for_backward`` kept; Variables while a graph of backward is recorded.

        Raises:
            GraphFreedError: a backward has freed them already.
            SavedTensorChangedError: one was changed in place since.
            SavedIntermediateError: one is neither input nor output, in ``create_graph``.
        """
        kept = self._pg_kept
        if kept.__class__ is int and not (batched_seen and transform_depth()):
            first, second = self._pg_first, self._pg_second
            total = 0 if first is None else first._version
            if kept == 1:
                saved: tuple[Any, ...] = (first,)
            else:
                total += 0 if second is None else second._version
                saved = (first, second)
            if total != self._pg_version or self._pg_kept is not kept:
                saved = raw_saved(self)  # one was changed, or another thread freed or packed them
        else:
            saved = raw_saved(self)
        if _is_grad_enabled() and running.recorded_rule is not None:
            return self._pg_as_variables(saved)
        return saved

    @property
    def _pg_saved(self) -> tuple[Any, ...] | None:
        """What was saved, wherever it is kept; None once it is freed."""
        kept = self._pg_kept
        if kept.__class__ is not int:
            return kept  # type: ignore[return-value]
        saved = (self._pg_first,) if kept == 1 else (self._pg_first, self._pg_second)
        return None if self._pg_kept is None else saved  # another thread has freed them meanwhile

    @_pg_saved.setter
    def _pg_saved(self, saved: tuple[Any, ...] | None) -> None:
        kept, self._pg_kept = self._pg_kept, saved
        if kept.__class__ is int:
            self._pg_first = self._pg_second = None

    def _pg_as_variables(self, saved: tuple[Any, ...]) -> tuple[Any, ...]:
        raise NotImplementedError  # only a record in a graph knows where they came from


class UntrackedContext(Context):
    """The context of a call that will not be differentiated: it keeps no tensors."""

    __slots__ = ()

    def __init__(self, flags: tuple[Any, ...]) -> None:
        self.needs_input_grad = flags

    def save_for_backward(self, *tensors: Tensor | complex | None) -> None:
        """Keep nothing."""

    def save_for_forward(self, *tensors: Tensor | complex | None) -> None:
        """Keep nothing."""

    def mark_dirty(self, *tensors: Tensor) -> None:
        """Note what was changed, and count it: no later check can refuse it."""
        super().mark_dirty(*tensors)
        for tensor in tensors:
            increment_version(whole(tensor))


def _save_any(context: Context, tensors: tuple[Any, ...]) -> None:
    total = 0
    try:
        for value in tensors:
            kind = value.__class__
            if kind is Tensor:
                total += value._version
            elif value is not None and kind not in NUMBERS:
                total += _version_of(context, value)
    except (TypeError, RuntimeError) as error:
        _refuse_to_save(context, error)
    context._pg_saved = tensors  # also lets go of what an earlier call left in the slots
    in_batch = batched_seen and transform_depth()
    context._pg_version = total_version(tensors) if in_batch else total


def raw_saved(context: Context) -> tuple[Any, ...]:
    """The saved values as tensors, unpacked where saved-tensor hooks packed them.

    Raises:
        GraphFreedError, SavedTensorChangedError: as ``saved_tensors`` does.
    """
    saved = context._pg_saved
    if saved is None:
        raise GraphFreedError(
            "Trying to backward through the graph a second time (or directly access saved tensors "
            "after they have already been freed)",
            where=f"backward of {context._pg_op_name}",
            fix="Specify retain_graph=True in the first backward, or run forward again",
        )
    if isinstance(saved, Packed):
        found = context.__dict__.get("_pg_unpacked")
        if found is None:
            found = tuple([_unpacked(context, *entry) for entry in saved])
            if isinstance(saved, PackedByCheckpoint) and running.walk is not None:
                context.__dict__["_pg_unpacked"] = found
        return found
    if saved and total_version(saved) != context._pg_version:
        raise_changed(context, saved)
    return saved


def _unpacked(context: Context, unpack: Any, value: Any) -> Any:
    if unpack is None:
        return value
    tensor = unpack(value)
    tensor = getattr(tensor, "_data", tensor)  # a hook may keep and return Variables
    if not isinstance(tensor, Tensor):
        raise ContextError(
            "Output of saved tensor unpack_hook expected to be a Tensor but got result of type "
            f"{type(tensor).__name__}",
            where=f"backward of {context._pg_op_name}, which saved the tensor",
            fix="return from the unpack hook a tensor like the one that the pack hook was given",
        )
    return tensor


def _version_of(context: Context, value: Any) -> int:
    if isinstance(value, Tensor):
        context._pg_special = True  # a subclass: its rule must see torch's autograd
        return value._version
    if isinstance(value, Number):
        context._pg_special = True  # one that is not Python's: its operators may do anything
        return 0
    raise TypeError(type(value).__name__)


def intermediate_error(
    context: Context, which: int | str, tensor: Tensor, origin: str = UNKNOWN
) -> SavedIntermediateError:
    """The error for a second derivative that would lose a part through ``tensor``."""
    if origin is ALTERED:
        return SavedIntermediateError(
            f"{context._pg_op_name} saved an input of shape {tuple(tensor.shape)} in whose memory "
            "it changed another input in place: its part of the second derivative would be that "
            "of the values before the change",
            where=f"backward of {context._pg_op_name}, with create_graph=True",
            fix="pass a clone() of one of the two, or save the input that is marked as dirty",
        )
    return SavedIntermediateError(
        f"{f'saved tensor {which}' if isinstance(which, int) else which} of "
        f"{context._pg_op_name}, a {tensor.dtype} of shape "
        f"{tuple(tensor.shape)}, is neither an input nor an output of forward: "
        "its part of the second derivative would silently be zero",
        where=f"backward of {context._pg_op_name}, with create_graph=True",
        fix="save inputs or outputs and compute it again in backward; or, if it does not "
        "depend on the inputs, call ctx.mark_non_differentiable(tensor)",
    )


def refuse_later_torch_graph(context: Context, tensor: Tensor) -> NoReturn:
    """Raise TorchGraphError for a constant of a call that torch has since been told to track."""
    raise TorchGraphError(
        f"a torch tensor of shape {tuple(tensor.shape)} that was passed to {context._pg_op_name} "
        "as a constant now requires grad: torch would get no gradient for it",
        where=f"backward of {context._pg_op_name}, with create_graph=True",
        fix="pass plugrad.Variable(tensor) in its place and call requires_grad_() on that, or "
        "tensor.requires_grad_(False) before backward",
    )


def count_changes(context: Context, tensors: Iterable[Tensor]) -> None:
    """Count a change of ``tensors``, as torch does, but not one of what forward has saved.

    NumPy, or a kernel of the user's own, writes without torch noticing.
    """
    saved = context._pg_saved or ()
    before = total_version(saved)
    for tensor in tensors:
        increment_version(whole(tensor))
    if saved:
        context._pg_version += total_version(saved) - before


def _check_tensors(context: Context, method: str, given: tuple[object, ...]) -> None:
    for position, value in enumerate(given):
        if not isinstance(value, Tensor):
            raise ContextError(
                f"{method} can only accept tensors, but argument {position} is of type "
                f"{type(value).__name__}",
                where=f"forward of {context._pg_op_name}",
                fix="pass tensors that forward was given or returns, one by one",
            )


def hidden_error(context: Context, name: str, tensor: Tensor) -> SavedIntermediateError:
    """The error for a recorded rule that would treat ``tensor`` as a constant."""
    return SavedIntermediateError(
        f"inside ctx.{name}, an object, {context._pg_op_name} keeps a {tensor.dtype} of shape "
        f"{tuple(tensor.shape)} that a recorded backward would treat as a constant: its part of "
        "the second derivative would silently be zero",
        where=f"backward of {context._pg_op_name}, with create_graph=True",
        fix="keep inputs and outputs with ctx.save_for_backward; or, if the tensor does not "
        "depend on the inputs, call ctx.mark_non_differentiable(tensor)",
    )


def _refuse_to_save(context: Context, error: Exception) -> NoReturn:
    context._pg_kept = ()
    where = f"forward of {context._pg_op_name}"
    if isinstance(error, TypeError) and getattr(context, "_pg_is_builtin", False):
        raise ArgumentError(  # a built-in op saves what it was given
            f"{context._pg_op_name}() takes tensors and numbers, not a {error}",
            where=f"a call of {context._pg_op_name}",
            fix="make it a tensor: torch.as_tensor(value)",
        ) from error
    if isinstance(error, TypeError) and str(error) in ("Variable", "Parameter"):
        raise ContextError(
            f"save_for_backward takes tensors, numbers and None, not a {error}",
            where=where,
            fix="save the tensors that forward was given or computed. To differentiate a part of "
            "forward itself, save its inputs, and in backward call torch.autograd.grad on it, in "
            "torch.enable_grad()",
        ) from error
    if isinstance(error, TypeError):
        raise ContextError(
            f"save_for_backward takes tensors, numbers and None, not a {error}",
            where=where,
            fix="pass the tensors of a list one by one: ctx.save_for_backward(*tensors); "
            "set shapes and flags as attributes: ctx.dim = dim",
        ) from error
    raise ContextError(
        f"Inference tensors cannot be saved for backward ({error})",
        where=where,
        fix="make the tensor outside inference_mode, or clone() it outside first",
    ) from error


def raise_changed(context: Context, saved: tuple[Any, ...]) -> NoReturn:
    """Raise SavedTensorChangedError."""
    tensors = [f"{t.dtype} of shape {tuple(t.shape)}" for t in saved if isinstance(t, Tensor)]
    stack = context.__dict__.get("_pg_stack")
    instead = instead_of_torchs_gradcheck()
    raise SavedTensorChangedError(
        f"one of the variables needed for gradient computation has been modified by an inplace "
        f"operation: {context._pg_op_name} saved {', '.join(tensors)}",
        where=f"backward of {context._pg_op_name}"
        + (f", whose forward was called here:\n{stack}" if stack else ""),
        fix=instead
        or "change a clone() of it instead, or change it after backward"
        + ("" if getattr(context, "_pg_is_builtin", False) else "; save it when forward is done")
        + ("" if stack else "; plugrad.detect_anomaly() shows the line that saved it"),
    )


def instead_of_torchs_gradcheck() -> str | None:
    """What to call instead of torch's gradcheck, which writes to its inputs' data, and mixes."""
    found, frame = set(), sys._getframe(1)
    while frame is not None:
        if frame.f_globals.get("__name__") == "torch.autograd.gradcheck":
            found.add(frame.f_code.co_name)
        frame = frame.f_back  # type: ignore[assignment]
    if not found:
        return None
    name = "gradgradcheck" if "gradgradcheck" in found else "gradcheck"
    return f"call plugrad.testing.{name}(f, inputs), which checks functions of Variables"
