"""Faults in what a rule knows about arguments that are not tensors."""

from __future__ import annotations

import dis
import inspect
from functools import wraps
from typing import TYPE_CHECKING, Any, TypeAlias

import torch
from torch import Tensor

from plugrad.core.random_state import RandomState
from plugrad.testing.call import flat
from plugrad.testing.faults.fault import FAULTS
from plugrad.testing.faults.subject import Subject, same
from plugrad.testing.law import NotApplicable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from plugrad.testing.faults.subject import Probe

_DIMS = ("dim", "dims", "dim0", "dim1", "start_dim", "end_dim")
_States: TypeAlias = "tuple[Mapping[str, Any], Mapping[str, Any]]"


class Misinformation:
    """A context that was filled by a call with another argument.

    The output is that of the right call. Where forward refuses the changed argument the
    right call fills the context too.

    Args:
        change: takes the argument, its parameter and all arguments; returns the other
            argument, or the same one.
    """

    def __init__(self, change: Callable[[Any, Any, inspect.BoundArguments], Any]) -> None:
        self._change = change

    def inject(self, subject: Subject, name: str) -> Mapping[str, Any]:
        """The attributes of the op whose rule is misinformed."""
        contexts, function = subject.contexts, subject.function
        if contexts.has_setup_context(function):
            return self._in_setup_context(subject, name)
        if subject.op.dirties:
            raise NotApplicable("forward writes over its input, and cannot run twice")
        forward = function.forward
        if not _reads(forward, name):
            raise NotApplicable(f"forward does not look at {name}")

        @wraps(forward)
        def misinformed(ctx: Any, *args: Any, **options: Any) -> Any:
            bound = self._changed(forward, name, (ctx, *args), options)
            if bound is None or not contexts.is_recorded(ctx):
                return forward(ctx, *args, **options)
            state = RandomState() if subject.op.declaration.random else None
            output = forward(contexts.spare(ctx), *args, **options)
            if state is not None:
                state.restore()
            try:
                wrong = forward(*bound.args, **bound.kwargs)
            except Exception:
                contexts.clear(ctx)
                return forward(ctx, *args, **options)
            contexts.replace(ctx, wrong, output)
            return output

        return {"forward": misinformed}

    def _in_setup_context(self, subject: Subject, name: str) -> Mapping[str, Any]:
        """The same where the context is not filled by forward."""
        function = subject.function
        setup = function.setup_context
        if subject.op.signature.keyword_only:
            raise NotApplicable("the op has a setup_context, and options that it does not get")

        @wraps(setup)
        def misinformed(ctx: Any, inputs: tuple[Any, ...], output: Any) -> None:
            bound = self._changed(function.forward, name, inputs, {})
            try:
                setup(ctx, inputs if bound is None else bound.args, output)
            except Exception:
                subject.contexts.clear(ctx)
                setup(ctx, inputs, output)

        return {"setup_context": misinformed}

    def _changed(
        self,
        forward: Callable[..., Any],
        name: str,
        args: tuple[Any, ...],
        options: Mapping[str, Any],
    ) -> inspect.BoundArguments | None:
        """The arguments of forward with the changed one; None if it is the same."""
        signature = inspect.signature(forward)
        bound = signature.bind(*args, **options)
        bound.apply_defaults()
        value = bound.arguments[name]
        changed = self._change(value, signature.parameters[name], bound)
        if changed is value or (not isinstance(changed, Tensor) and _equal(changed, value)):
            return None
        bound.arguments[name] = changed
        return bound

    def proof(self, subject: Subject, _: Subject, name: str) -> str | None:
        """Whether forward leaves the same for backward with either argument."""
        pairs = [pair for p in subject.probes for pair in self._states(subject, p, name)]
        known = [pair for pair in pairs if pair is not None]
        if known and all(_same_state(*pair) for pair in known):
            return f"forward leaves the same for backward whatever {name} is"
        if pairs and not known and _is_an_input(subject, name):
            return f"forward cannot do without {name}"
        return None

    def _states(self, subject: Subject, found: Probe, name: str) -> Iterator[_States | None]:
        """What the right and the wrong call leave; None if forward refuses the wrong one."""
        case, contexts = found.case, subject.contexts
        function = case.op.function
        args, kwargs = case.arguments(case.values)
        bound, options = case.op.signature.bind(args, kwargs)
        right, wrong = contexts.blank(found.context), contexts.blank(found.context)
        apart = contexts.has_setup_context(function)
        given = bound if apart else (wrong, *bound)
        changed = self._changed(function.forward, name, given, options)
        if changed is None:
            return

        def fill(ctx: Any, arguments: tuple[Any, ...], options: Mapping[str, Any]) -> Any:
            with case.random_numbers():
                if not apart:
                    return function.forward(ctx, *arguments, **options)
                output = function.forward(*bound)
            function.setup_context(ctx, arguments, output)
            return output

        try:
            with torch.no_grad():
                output = fill(right, bound, options)
                other = fill(wrong, changed.args if apart else changed.args[1:], changed.kwargs)
        except Exception:
            yield None
            return
        contexts.replace(wrong, other, output)
        yield contexts.state(right), contexts.state(wrong)


def _equal(one: Any, other: Any) -> bool:
    return type(one) is type(other) and bool(one == other)


def _is_an_input(subject: Subject, name: str) -> bool:
    """Whether a parameter may get a gradient, or is another way to write the variadic ones."""
    parameters = _parameters(subject)
    variadic = any(p.kind is p.VAR_POSITIONAL for p in parameters.values())
    only_named = parameters[name].kind is inspect.Parameter.KEYWORD_ONLY
    return (variadic and only_named) or name in subject.names


def _same_state(state: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    return state.keys() == other.keys() and all(_same(state[k], other[k]) for k in state)


def _same(one: Any, other: Any) -> bool:
    if isinstance(one, Tensor) and isinstance(other, Tensor):
        return one.dtype is other.dtype and same([one], [other])
    if isinstance(one, tuple | list) and isinstance(other, tuple | list):
        return len(one) == len(other) and all(map(_same, one, other))
    return type(one) is type(other) and bool(one == other)


def _reads(forward: Callable[..., Any], name: str) -> bool:
    """Whether the code of forward has the parameter in it."""
    for instruction in dis.get_instructions(inspect.unwrap(forward)):
        value = instruction.argval
        if value == name or (isinstance(value, tuple) and name in value):
            return True
    return False


def _parameters(subject: Subject) -> Mapping[str, inspect.Parameter]:
    return inspect.signature(subject.function.forward).parameters


# --- the faults ----------------------------------------------------------------------


def _next_dim(value: Any, _: Any, bound: inspect.BoundArguments) -> Any:
    tensors = [v for v in flat(list(bound.arguments.values())) if isinstance(v, Tensor)]
    dims = tensors[0].dim() if tensors else 0
    if isinstance(value, int) and not isinstance(value, bool) and dims > 1:
        return (value + 1) % dims
    if isinstance(value, tuple | list) and value and dims > 1:
        return type(value)([(v + 1) % dims for v in value])
    return value


def _default(value: Any, parameter: inspect.Parameter, _: Any) -> Any:
    return value if isinstance(value, Tensor) else parameter.default


def _everywhere(what: bool) -> Callable[..., Any]:
    def mask(value: Any, *_: Any) -> Any:
        if not isinstance(value, Tensor) or value.dtype is not torch.bool:
            return value
        # Given back as it is where there is nothing to change.
        return value if bool((value == what).all()) else torch.full_like(value, what)

    return mask


_OTHER_DIM = Misinformation(_next_dim)
_KEEPDIM = Misinformation(lambda value, *_: not value)
_IGNORED = Misinformation(_default)
_ALL_TRUE = Misinformation(_everywhere(True))
_ALL_FALSE = Misinformation(_everywhere(False))


def _dims(subject: Subject) -> list[str]:
    return [name for name in _parameters(subject) if name in _DIMS] or [""]


@FAULTS.fault(
    "other-dim",
    "add a sample that is also valid with another {}",
    variants=_dims,
    proof=_OTHER_DIM.proof,
)
def other_dim(subject: Subject, name: str) -> Mapping[str, Any]:
    """The rule uses the next dimension in place of the one in the call."""
    if not name:
        raise NotApplicable("it has no parameter dim")
    return _OTHER_DIM.inject(subject, name)


def _keepdims(subject: Subject) -> list[str]:
    return [name for name in _parameters(subject) if name == "keepdim"] or [""]


@FAULTS.fault(
    "keepdim-flipped",
    "add a sample with keepdim=True and a dim",
    variants=_keepdims,
    proof=_KEEPDIM.proof,
)
def keepdim_flipped(subject: Subject, name: str) -> Mapping[str, Any]:
    """The rule uses the opposite of keepdim."""
    if not name:
        raise NotApplicable("it has no parameter keepdim")
    return _KEEPDIM.inject(subject, name)


def _options(subject: Subject) -> list[str]:
    # keepdim has a fault of its own; forward with inplace=True cannot run twice.
    others = {"keepdim", "inplace"}
    found = [n for n, p in _parameters(subject).items() if p.default is not p.empty]
    return [n for n in found if n not in others and not _only_a_tensor(subject, n)] or [""]


def _only_a_tensor(subject: Subject, name: str) -> bool:
    annotation = str(_parameters(subject)[name].annotation).replace(" ", "")
    return annotation in {"Tensor", "Tensor|None", "None|Tensor"}


@FAULTS.fault(
    "option-ignored",
    "add a sample with a non-default {} that is also valid without it",
    variants=_options,
    proof=_IGNORED.proof,
)
def option_ignored(subject: Subject, name: str) -> Mapping[str, Any]:
    """The rule uses an option's default in place of its value."""
    if not name:
        raise NotApplicable("it has no option")
    return _IGNORED.inject(subject, name)


def _masks(subject: Subject) -> list[str]:
    """The parameters that are a boolean tensor in some sample with a gradient."""
    inputs = [given for found in subject.probes for given in found.case.inputs]
    named = {given.name for given in inputs if given.tensor.dtype is torch.bool}
    return [name for name in _parameters(subject) if name in named] or [""]


@FAULTS.fault(
    "mask-all-true",
    "add a sample where {} has a False that matters",
    variants=_masks,
    proof=_ALL_TRUE.proof,
)
def mask_all_true(subject: Subject, name: str) -> Mapping[str, Any]:
    """The rule treats a boolean tensor as True everywhere."""
    if not name:
        raise NotApplicable("no argument is a boolean tensor")
    return _ALL_TRUE.inject(subject, name)


@FAULTS.fault(
    "mask-all-false",
    "add a sample where {} has a True that matters",
    variants=_masks,
    proof=_ALL_FALSE.proof,
)
def mask_all_false(subject: Subject, name: str) -> Mapping[str, Any]:
    """The rule treats a boolean tensor as False everywhere."""
    if not name:
        raise NotApplicable("no argument is a boolean tensor")
    return _ALL_FALSE.inject(subject, name)
