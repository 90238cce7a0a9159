"""Contexts: what a fault does with the rule and the ``ctx`` of an op, plugrad's or torch's."""

from __future__ import annotations

import inspect
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor
from torch.autograd.function import BackwardCFunction, FunctionCtx

from plugrad.core.context import UntrackedContext
from plugrad.core.node import Record
from plugrad.interop.torchs_function import has_setup_context, once_marked, rule_of
from plugrad.testing.call import flat

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from plugrad.testing.call import Call

_POSITIONAL = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)


class Contexts(ABC):
    """How an op's contexts are filled and read, on one engine."""

    @abstractmethod
    def rule(self, function: Any) -> Callable[..., Any]:
        """Backward itself, without a mark that it is once differentiable."""

    @abstractmethod
    def positional(self, function: Any) -> Sequence[str]:
        """The names of forward's positional parameters, after ``ctx``."""

    @abstractmethod
    def has_setup_context(self, function: Any) -> bool:
        """Whether forward is without ``ctx``."""

    @abstractmethod
    def of(self, call: Call) -> Any:
        """The context of a call that has a node."""

    @abstractmethod
    def cotangent_numbers(self, call: Call) -> Sequence[int]:
        """Which of the rule's cotangents belong to outputs that require grad."""

    @abstractmethod
    def is_recorded(self, ctx: Any) -> bool:
        """Whether a rule may run with it later."""

    @abstractmethod
    def original(self, ctx: Any) -> Any:
        """The context that forward filled, of which a rule may be given a copy."""

    @abstractmethod
    def differentiable(self, ctx: Any) -> Sequence[bool]:
        """Whether there is somewhere for a gradient to go, for each of the rule's results."""

    @abstractmethod
    def list_lengths(self, ctx: Any) -> Sequence[int | None]:
        """How many gradients each argument gets that is a list of tensors; None for others."""

    @abstractmethod
    def tensors(self, ctx: Any) -> Sequence[Tensor]:
        """The tensors that forward left for the rule."""

    @abstractmethod
    def left(self, ctx: Any) -> Any:
        """What forward left for the rule, for ``run_with``."""

    @abstractmethod
    def run_with(self, rule: Callable[..., Any], ctx: Any, left: Any, cotangents: Any) -> Any:
        """Run the rule with what another call left, if its tensors have the same shapes."""

    @abstractmethod
    def constant(self, ctx: Any) -> Any:
        """The same context with tensors that have no graph."""

    @abstractmethod
    def spare(self, ctx: Any) -> Any:
        """A context for a call of forward whose rule never runs."""

    @abstractmethod
    def blank(self, ctx: Any) -> Any:
        """A context that forward can fill, to see with ``state`` what it left."""

    @abstractmethod
    def clear(self, ctx: Any) -> None:
        """Forget what was saved."""

    @abstractmethod
    def replace(self, ctx: Any, old: Any, new: Any) -> None:
        """Let the context refer to the outputs ``new`` where it does to ``old``."""

    @abstractmethod
    def state(self, ctx: Any) -> Mapping[str, Any]:
        """All that forward left, of a ``blank``."""


class PlugradContexts(Contexts):
    """Those of plugrad's ops: Records."""

    def rule(self, function: Any) -> Callable[..., Any]:
        """See Contexts. The mark is an attribute, which wrappers have too."""
        rule: Callable[..., Any] = function.backward
        return rule

    def positional(self, function: Any) -> Sequence[str]:
        """See Contexts."""
        names: Sequence[str] = function.signature.positional
        return names

    def has_setup_context(self, function: Any) -> bool:
        """See Contexts."""
        return bool(function.takes_setup_context())

    def of(self, call: Call) -> Any:
        """See Contexts."""
        return call.record

    def cotangent_numbers(self, call: Call) -> Sequence[int]:
        """See Contexts."""
        return [root.output_nr for root in call.roots]

    def is_recorded(self, ctx: Any) -> bool:
        """See Contexts."""
        return isinstance(ctx, Record)

    def original(self, ctx: Any) -> Any:
        """See Contexts: it is a copy where only some inputs want a gradient."""
        return ctx._pg_narrowed_from or ctx

    def differentiable(self, ctx: Any) -> Sequence[bool]:
        """See Contexts."""
        return [edge is not None for edge in ctx._pg_edges]

    def list_lengths(self, ctx: Any) -> Sequence[int | None]:
        """See Contexts."""
        return ctx._pg_list_lengths or (None,) * len(ctx._pg_edges)

    def tensors(self, ctx: Any) -> Sequence[Tensor]:
        """See Contexts."""
        return [t for t in ctx._pg_saved or () if isinstance(t, Tensor)]

    def left(self, ctx: Any) -> Any:
        """See Contexts."""
        return ctx._pg_saved

    def run_with(self, rule: Callable[..., Any], ctx: Any, left: Any, cotangents: Any) -> Any:
        """See Contexts."""
        own = ctx._pg_saved
        if own is None or _shapes(own) != _shapes(left):
            return rule(ctx, *cotangents)
        version = ctx._pg_version
        ctx._pg_saved = left
        ctx._pg_version = sum(t._version for t in left if isinstance(t, Tensor))
        try:
            return rule(ctx, *cotangents)
        finally:
            ctx._pg_saved, ctx._pg_version = own, version

    def constant(self, ctx: Any) -> Any:
        """See Contexts."""
        return _Constant(ctx)

    def spare(self, ctx: Any) -> Any:
        """See Contexts."""
        return UntrackedContext(ctx.needs_input_grad)

    def blank(self, ctx: Any) -> Any:
        """See Contexts."""
        record = type(ctx)()
        record._pg_kept = ()
        record.needs_input_grad = ctx.needs_input_grad
        return record

    def clear(self, ctx: Any) -> None:
        """See Contexts."""
        ctx._pg_saved = ()

    def replace(self, ctx: Any, old: Any, new: Any) -> None:
        """See Contexts."""
        others = _others(old, new)
        ctx._pg_saved = tuple(
            others.get(id(t), t) if isinstance(t, Tensor) else t for t in ctx._pg_saved
        )
        ctx._pg_version = sum(t._version for t in ctx._pg_saved if isinstance(t, Tensor))
        if ctx._pg_constants:
            ctx._pg_constants = tuple([others.get(id(t), t) for t in ctx._pg_constants])

    def state(self, ctx: Any) -> Mapping[str, Any]:
        """See Contexts."""
        set_here = {name: value for name, value in vars(ctx).items() if name != "_pg_constants"}
        # What forward need not set is there for the rule, too.
        function = getattr(ctx, "_pg_function", None)
        named = {**(function.ctx_defaults if function is not None else {}), **set_here}
        return {"_pg_saved": ctx._pg_saved, **named}


class TorchContexts(Contexts):
    """Those of torch.autograd.Functions."""

    def rule(self, function: Any) -> Callable[..., Any]:
        """See Contexts. Torch's mark is a wrapper."""
        rule: Callable[..., Any] = rule_of(function)
        inner: Callable[..., Any] = getattr(rule, "__wrapped__", rule)
        return inner if once_marked(rule) else rule

    def positional(self, function: Any) -> Sequence[str]:
        """See Contexts. None where forward does not say."""
        try:
            parameters = list(inspect.signature(function.forward).parameters.values())
        except (TypeError, ValueError):  # written in C
            return ()
        own = parameters if self.has_setup_context(function) else parameters[1:]
        return [p.name for p in own if p.kind in _POSITIONAL]

    def has_setup_context(self, function: Any) -> bool:
        """See Contexts."""
        return has_setup_context(function)

    def of(self, call: Call) -> Any:
        """See Contexts: in torch it is the node."""
        return call.node.grad_fn

    def cotangent_numbers(self, call: Call) -> Sequence[int]:
        """See Contexts. There is one for each output, a tensor or not."""
        return call.root_numbers

    def is_recorded(self, ctx: Any) -> bool:
        """See Contexts."""
        return isinstance(ctx, BackwardCFunction)

    def original(self, ctx: Any) -> Any:
        """See Contexts."""
        return ctx

    def differentiable(self, ctx: Any) -> Sequence[bool]:
        """See Contexts."""
        return [bool(needed) for needed in ctx.needs_input_grad]

    def list_lengths(self, ctx: Any) -> Sequence[int | None]:
        """See Contexts. Torch does not look into lists."""
        return (None,) * len(ctx.needs_input_grad)

    def tensors(self, ctx: Any) -> Sequence[Tensor]:
        """See Contexts. Torch lets attributes be tensors."""
        return [t.detach() for t in (*_saved(ctx), *vars(ctx).values()) if isinstance(t, Tensor)]

    def left(self, ctx: Any) -> Any:
        """See Contexts. What is to be saved torch takes when forward has returned."""
        saved = tuple(getattr(ctx, "to_save", None) or _saved(ctx))
        named = {n: t.detach() for n, t in vars(ctx).items() if isinstance(t, Tensor)}
        return tuple(t.detach() if isinstance(t, Tensor) else t for t in saved), named

    def run_with(self, rule: Callable[..., Any], ctx: Any, left: Any, cotangents: Any) -> Any:
        """See Contexts."""
        saved, named = left
        own = {name: getattr(ctx, name, None) for name in named}
        if _shapes(ctx.saved_tensors) != _shapes(saved) or _shapes(own.values()) != _shapes(
            named.values()
        ):
            return rule(ctx, *cotangents)
        return rule(_Stand(ctx, saved, named), *cotangents)

    def constant(self, ctx: Any) -> Any:
        """See Contexts."""
        return _TorchConstant(ctx)

    def spare(self, ctx: Any) -> Any:
        """See Contexts."""
        return _Blank(ctx.needs_input_grad)

    blank = spare

    def clear(self, ctx: Any) -> None:
        """See Contexts."""
        ctx.save_for_backward()

    def replace(self, ctx: Any, old: Any, new: Any) -> None:
        """See Contexts."""
        others = _others(old, new)
        for field in ("to_save", "non_differentiable", "dirty_tensors"):
            named = getattr(ctx, field, None)
            if named:
                setattr(ctx, field, tuple(others.get(id(t), t) for t in named))
        for name, value in list(vars(ctx).items()):
            if isinstance(value, Tensor) and id(value) in others:
                setattr(ctx, name, others[id(value)])

    def state(self, ctx: Any) -> Mapping[str, Any]:
        """See Contexts."""
        return {name: value for name, value in vars(ctx).items() if name != "needs_input_grad"}


class _Constant:
    """A context of plugrad's whose saved tensors are never Variables."""

    def __init__(self, ctx: Any) -> None:
        self._ctx = ctx

    @property
    def saved_tensors(self) -> tuple[Any, ...]:
        with torch.no_grad():
            saved: tuple[Any, ...] = self._ctx.saved_tensors
        return saved

    def __getattr__(self, name: str) -> Any:
        return getattr(self._ctx, name)


class _TorchConstant(_Constant):
    """A context of torch's whose tensors have no graph."""

    @property
    def saved_tensors(self) -> tuple[Any, ...]:
        return tuple(_detached(t) for t in self._ctx.saved_tensors)

    def __getattr__(self, name: str) -> Any:
        return _detached(getattr(self._ctx, name))


class _Stand(_Constant):
    """A context of torch's with the tensors of another one."""

    def __init__(self, ctx: Any, saved: tuple[Any, ...], named: Mapping[str, Tensor]) -> None:
        super().__init__(ctx)
        self._saved = saved
        vars(self).update(named)

    @property
    def saved_tensors(self) -> tuple[Any, ...]:
        return self._saved


class _Blank(FunctionCtx):
    """A context of torch's that keeps what forward leaves, and is of no call."""

    def __init__(self, needs_input_grad: Sequence[bool]) -> None:
        self.needs_input_grad = needs_input_grad


def _saved(ctx: Any) -> tuple[Any, ...]:
    try:
        saved: tuple[Any, ...] = ctx.saved_tensors
    except RuntimeError:  # they were freed, or are not there yet
        return ()
    return saved


def _detached(value: Any) -> Any:
    return value.detach() if isinstance(value, Tensor) else value


def _shapes(values: Any) -> list[Any]:
    return [getattr(value, "shape", None) for value in values]


def _others(old: Any, new: Any) -> dict[int, Any]:
    return dict(zip(map(id, flat(old)), flat(new), strict=False))


PLUGRAD_CONTEXTS = PlugradContexts()
TORCH_CONTEXTS = TorchContexts()


def contexts_of(function: Any) -> Contexts:
    """Those of an op by its class."""
    torchs = isinstance(function, type) and issubclass(function, torch.autograd.Function)
    return TORCH_CONTEXTS if torchs else PLUGRAD_CONTEXTS
