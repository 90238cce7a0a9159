"""checkpoint: keep a function's inputs, not what it saves, and run it again in backward."""

from __future__ import annotations

from contextlib import ExitStack, nullcontext
from functools import wraps
from inspect import signature
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor
from torch.utils import _pytree as pytree
from torch.utils.checkpoint import _get_debug_context_and_cb

from plugrad.core.context import raw_saved
from plugrad.core.function import Function
from plugrad.core.random_state import RandomState
from plugrad.core.recomputation import Recomputation
from plugrad.core.saved import AUTOCAST_DEVICES
from plugrad.core.variable import Variable
from plugrad.errors import CheckpointArgumentError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from plugrad.core.context import Context


#: Whether set_checkpoint_early_stop is None outside; before torch 2.9 or so it was True there.
_MAY_BE_NONE = "early_stop" in signature(torch.utils.checkpoint.checkpoint).parameters


def checkpoint(
    function: Callable[..., Any],
    *args: Any,
    use_reentrant: bool = False,  # noqa: ARG001
    preserve_rng_state: bool = True,
    context_fn: Callable[[], tuple[Any, Any]] | None = None,
    determinism_check: str = "default",
    early_stop: bool = True,
    debug: bool = False,
    **kwargs: Any,
) -> Any:
    """Call ``function(*args, **kwargs)`` and keep none of the tensors that its ops save.

    Backward runs it once more to get them. ``torch.utils.checkpoint.checkpoint`` on Variables,
    with the meaning that ``use_reentrant=False`` has there: Variables that the function closes
    over get gradients, and ``pg.grad`` and nesting work.

    Args:
        function: what to run; it must do the same each time.
        args: its arguments, Variables or anything else.
        use_reentrant: accepted as in torch; both values do the same.
        preserve_rng_state: draw the same random numbers again.
        context_fn: makes two context managers, for the first run and for the second.
        determinism_check: "default" compares shape, dtype and device of what is saved; "none"
            does not.
        early_stop: end the second run when everything was saved;
            ``torch.utils.checkpoint.set_checkpoint_early_stop`` around the call wins over it.
        debug: let an error list the ops of both runs, each with its stack, as torch's does.
        kwargs: further arguments of the function.

    Raises:
        CheckpointError: in backward, if the function did something else.
        CheckpointArgumentError: an unknown ``determinism_check``; ``debug`` and ``context_fn``.
    """
    if determinism_check not in ("default", "none"):
        raise CheckpointArgumentError(
            "determinism_check should be one of ['default', 'none'], but got "
            f"{determinism_check!r}",
            fix="leave it out",
        )
    explain: Callable[[Any], Any] | None = None
    in_force = torch.utils.checkpoint._checkpoint_debug_enabled  # set_checkpoint_debug_enabled
    if debug if in_force is None else in_force:
        if context_fn is not None:
            raise CheckpointArgumentError(
                "debug=True is incompatible with non-default context_fn",
                fix="leave one of them out",
            )
        context_fn, explain = _get_debug_context_and_cb()
    forward_context, second_context = (nullcontext(), nullcontext())
    if context_fn is not None:
        forward_context, second_context = context_fn()
    if not torch.is_grad_enabled():
        return function(*args, **kwargs)
    again = _Again(function, args, kwargs, preserve_rng_state, second_context)
    in_force = torch.utils.checkpoint._enable_checkpoint_early_stop
    if in_force is not None and (_MAY_BE_NONE or not in_force):
        early_stop = in_force
    recomputation = Recomputation(again, early_stop, determinism_check == "default")
    recomputation.explain = explain
    with recomputation.hooks(), forward_context:
        result = function(*args, **kwargs)
    recomputation.is_complete = lambda: True
    return result


def checkpoint_sequential(
    functions: Sequence[Callable[..., Any]],
    segments: int,
    input: Any,  # noqa: A002
    use_reentrant: bool = False,  # noqa: ARG001
    **options: Any,
) -> Any:
    """Call functions one after the other, in ``segments`` checkpointed groups.

    As in torch, the last group is not checkpointed: backward begins with it.

    Args:
        functions: each takes what the one before it returned; or a module made of them.
        segments: the number of groups.
        input: what the first function is given.
        use_reentrant: accepted, as torch's is.
        options: those of ``checkpoint``.
    """
    modules = isinstance(functions, torch.nn.Module)
    each: list[Any] = list(functions.children() if modules else functions)  # type: ignore[attr-defined]
    size = len(each) // segments

    def run(part: list[Callable[..., Any]], value: Any) -> Any:
        for function in part:
            value = function(value)
        return value

    value, end = input, 0
    for start in range(0, size * (segments - 1), size):
        end = start + size
        part = each[start:end]
        value = checkpoint(lambda v, p=part: run(p, v), value, **options)
    return run(each[end:], value)


class _Again:
    """Runs a function once more, with the inputs and in the state of the first time."""

    def __init__(
        self,
        function: Callable[..., Any],
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
        preserve_rng_state: bool,
        context: Any,
    ) -> None:
        self.function, self.context = function, context
        self.names = list(kwargs)
        # As a record's saved tensors: so a checkpoint around this one need not keep them, and
        # an in-place change of them is noticed.
        self.inputs = [_Kept(value) for value in (*args, *kwargs.values())]
        self.count = len(args)
        self.autocast = [
            (device, torch.is_autocast_enabled(device), torch.get_autocast_dtype(device))
            for device in AUTOCAST_DEVICES
        ]
        self.random_state: RandomState | None = None
        if preserve_rng_state:
            self.random_state = RandomState(pytree.tree_leaves((args, kwargs)))

    def __call__(self) -> None:
        values = [kept.value() for kept in self.inputs]
        args, named = values[: self.count], dict(zip(self.names, values[self.count :], strict=True))
        with ExitStack() as stack:
            if self.random_state is not None:
                stack.enter_context(self.random_state.again())
            for device, enabled, dtype in self.autocast:
                if enabled or torch.is_autocast_enabled(device):
                    mode = torch.autocast(device, dtype=dtype, enabled=enabled)
                    stack.enter_context(mode)
            stack.enter_context(self.context)
            self.function(*args, **named)


class _Kept:
    """An argument of a checkpointed function until it is run again."""

    def __init__(self, value: Any) -> None:
        self.other, self.record = value, None
        self.variable = isinstance(value, Variable)
        self.requires_grad = self.variable and value.requires_grad
        if self.variable or (isinstance(value, Tensor) and not value.requires_grad):
            tensor = (value._data if self.variable else value).detach()
            anchor = Variable(torch.empty(()), requires_grad=True)
            self.other, self.record = None, Checkpoint.apply(anchor, tensor)._edge

    def value(self) -> Any:
        """The argument; a Variable comes without its graph, which is not needed."""
        if self.record is None:
            return self.other
        (tensor,) = raw_saved(self.record)
        return Variable(tensor.detach(), self.requires_grad) if self.variable else tensor


class Checkpoint(Function):
    """Nothing but a saved tensor."""

    @staticmethod
    def forward(ctx: Context, anchor: Any, x: Any) -> Any:
        ctx.save_for_backward(x)
        return anchor.clone()


def _keep_variables_of_torchs_checkpoint() -> None:
    """Let torch.utils.checkpoint keep Variables as it keeps tensors.

    It keeps its arguments before it calls the function, which may change them, and asks which of
    them are tensors.
    """
    frame: Any = getattr(torch.utils.checkpoint, "_CheckpointFrame", None)
    if not hasattr(frame, "save_inputs"):  # older than torch 2.9: see ``kept_arguments``
        return
    save_inputs, get_inputs = frame.save_inputs, frame.get_inputs

    @wraps(save_inputs)
    def save(self: Any, *args: Any) -> None:
        save_inputs(self, *[_Kept(a) if isinstance(a, Variable) else a for a in args])

    @wraps(get_inputs)
    def get(self: Any) -> list[Any]:
        return [a.value() if isinstance(a, _Kept) else a for a in get_inputs(self)]

    frame.save_inputs, frame.get_inputs = save, get


_keep_variables_of_torchs_checkpoint()


def kept_arguments(args: tuple[Any, ...]) -> Callable[[], tuple[Any, ...]]:
    """A function that gives these arguments of a checkpointed function when it runs again."""
    kept = [_Kept(a) for a in args]
    return lambda: tuple([k.value() for k in kept])
