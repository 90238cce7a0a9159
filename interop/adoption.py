"""Calls of torch.autograd.Functions with Variables are recorded like ops.

Torch would run their forward without a graph, and the result would silently have no
gradient.
"""

from __future__ import annotations

import inspect
import os
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

import torch
import torch.utils.checkpoint
from torch import Tensor
from torch.nn.modules._functions import CrossMapLRN2d

from plugrad.core.accumulate_grad import edge_of
from plugrad.core.adopted_leaf import give
from plugrad.core.checkpoint import checkpoint, kept_arguments
from plugrad.core.context import (
    UntrackedContext,
    running,
    total_version,
    transform_depth,
    whole,
)
from plugrad.core.cotangent import only_for_tensors
from plugrad.core.function import Function
from plugrad.core.held import holds_tensor, note_hidden, tensors_in
from plugrad.core.hooked import alias_of
from plugrad.core.node import origins
from plugrad.core.once_differentiable import once_differentiable
from plugrad.core.own_vmap import with_own_vmap
from plugrad.core.record import (
    detached,
    like,
    note_constant_tensors,
    note_constants,
    record_any,
    untracked,
)
from plugrad.core.torch_leaf import leaf_of, refuse_torch_graph
from plugrad.core.unpack import refuse_hidden
from plugrad.core.variable import Variable
from plugrad.errors import ArgumentError, ContextError
from plugrad.interop.adopted_record import (
    AdoptedRecord,
    note_attributes,
    refuse_set_grad,
    with_variables,
)
from plugrad.interop.checkpointed import checked, with_leaves
from plugrad.interop.cross_map_lrn import cross_map_lrn
from plugrad.interop.proxies import as_proxies, behind, has_proxy, values_in
from plugrad.interop.torchs_apply import (
    CHECKPOINT,
    CONTAINERS,
    has_variable,
    look_for_variables,
    torchs_apply,
)
from plugrad.interop.torchs_function import (
    has_own_vmap,
    has_setup_context,
    is_for_lists,
    once_marked,
)

if TYPE_CHECKING:
    from plugrad.core.context import Context
    from plugrad.core.node import Edge

# How torch's checkpoint keeps the inputs, before torch 2.9 or so.
_NOOP_SAVE_INPUTS = getattr(torch.utils.checkpoint, "_NoopSaveInputs", object())
_adopted: WeakKeyDictionary[type, type[Function]] = WeakKeyDictionary()


def adopt_torch_functions(enabled: bool = True) -> None:
    """Choose whether calls of torch.autograd.Functions with Variables are recorded (the default).

    If not, torch runs it, and its results silently have no gradient. ``PLUGRAD_ADOPT=0`` in the
    environment turns it off for good.
    """
    look_for_variables(enabled and os.environ.get("PLUGRAD_ADOPT") != "0", apply_adopted)


def apply_adopted(cls: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """Call a torch.autograd.Function with Variables among its arguments, if there are any."""
    values = (*args, *kwargs.values())
    if not any(map(has_variable, values)):
        if cls is not CHECKPOINT:
            return torchs_apply(cls, *args, **kwargs)
        args = with_leaves(args)
        if not any(map(has_variable, args)):
            return checked(torchs_apply(cls, *args, **kwargs), args)
    if any(map(has_proxy, values)):  # torch's dispatcher calls, which takes tensors
        return as_proxies(_apply(cls, behind(args), behind(kwargs)))
    return _apply(cls, args, kwargs)


def _apply(cls: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    if cls is CHECKPOINT:
        return checkpoint(args[0], *args[2:], preserve_rng_state=args[1])
    if cls is _NOOP_SAVE_INPUTS:
        return _kept_inputs(args)
    if cls is CrossMapLRN2d:
        return cross_map_lrn(*args, **kwargs)
    function = _adopted.get(cls)
    if function is None:
        function = _adopted[cls] = _adopt(cls)
    if has_setup_context(cls):
        args, kwargs = _bound(cls, args, kwargs), {}
        if has_own_vmap(cls) and transform_depth():
            name = function.signature.op_name
            return with_own_vmap(cls, name, lambda *a: _call(cls, function, a, {}))(*args)
    return _call(cls, function, args, kwargs)


def _kept_inputs(args: tuple[Any, ...]) -> Any:
    """What torch's checkpoint sees as a tensor whose node keeps its inputs."""
    inputs = kept_arguments(args[1:])
    return SimpleNamespace(
        grad_fn=SimpleNamespace(saved_tensors=(), get_args=lambda _: inputs()), requires_grad=True
    )


def _bound(cls: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[Any, ...]:
    """The positional arguments, as torch completes them for setup_context."""
    bound = inspect.signature(cls.forward).bind(*args, **kwargs)
    bound.apply_defaults()
    if bound.kwargs:
        raise ArgumentError(
            f"{cls.__name__}.apply() got the keyword-only arguments {', '.join(bound.kwargs)}",
            where=f"a call of the torch.autograd.Function {cls.__name__} with Variables",
            fix="make them parameters that can be passed by position",
        )
    return bound.args


def _call(cls: Any, function: type[Function], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    name = function.signature.op_name
    recording = torch.is_grad_enabled()
    if recording:
        args = tuple([_as_leaf(a, name) for a in args])
    edges = [edge_of(a) if recording and isinstance(a, Variable) else None for a in args]
    if recording:
        for arg in (*args, kwargs):
            _check_argument(arg, name)
    tracked = any(edge is not None for edge in edges)
    raw = _each_raw(args, edges)
    context: Any = UntrackedContext((False,) * len(args))
    if tracked:
        context = function.record_type()
        context._pg_kept, context._pg_edges = (), tuple(edges)
        context.needs_input_grad = tuple([edge is not None for edge in edges])
        if function.has_own_jvp():
            note_constant_tensors(context, raw)
    versions = [_version(t) for t in raw] if tracked else []
    with torch.no_grad():
        if has_setup_context(cls):
            output = cls.forward(*raw)
            cls.setup_context(context, raw, output)
        else:
            output = cls.forward(context, *raw, **_raw(kwargs, None))
        returned, output = output, _without_torchs_graph(context, output, raw, args)
    if not tracked:
        return untracked(context, output, raw, args, function)
    _count_changes_from_here(context, raw, versions)
    attributes: list[tuple[Tensor, Any]] = []
    if vars(context):
        attributes = _attribute_origins(context, raw, returned)
        context._pg_attribute_origins = attributes
        note_hidden(context, args)
    result = record_any(context, output, raw, args)
    note_constants(context, [origin for _, origin in attributes], args)
    if attributes:
        note_attributes(context)
    context._pg_no_tensors = [i for i, a in enumerate(args) if not isinstance(a, Tensor | Variable)]
    return result


def _count_changes_from_here(context: Any, raw: tuple[Any, ...], versions: list[int]) -> None:
    """Let forward fill what it has saved, as in torch, which looks at it when forward has ended.

    Not an input that it changes without a word: that is noticed in backward.
    """
    dirty = context._pg_dirty
    for tensor, version in zip(raw, versions, strict=True):
        if _version(tensor) != version and not any(tensor is t for t in dirty):
            return
    if context._pg_kept:
        context._pg_version = total_version(context._pg_saved)


def _version(value: Any) -> int:
    counts = isinstance(value, Tensor) and not value.is_inference()
    return whole(value)._version if counts else 0


def _as_leaf(value: Any, name: str) -> Any:
    """The Variable for a tensor of torch's that was given to a model, or to a Function, before."""
    return leaf_of(value, name) if value.__class__ is Tensor and value.requires_grad else value


def _check_argument(value: Any, name: str) -> None:
    if isinstance(value, Tensor) and value.requires_grad:
        refuse_torch_graph(value, name)
    if isinstance(value, CONTAINERS) and any(
        isinstance(v, Variable) and v.requires_grad for v in values_in(value)
    ):
        refuse_hidden(f"a {type(value).__name__}", name)


def _each_raw(args: tuple[Any, ...], edges: list[Edge | None]) -> tuple[Any, ...]:
    """The arguments as forward sees them: one that is passed twice is one object, as in torch.

    A change of one is then a change of both, whichever is marked as dirty.
    """
    made: dict[int, Any] = {}
    for arg, edge in zip(args, edges, strict=True):
        if id(arg) not in made:
            made[id(arg)] = _raw(arg, edge)
    return tuple([made[id(arg)] for arg in args])


def _raw(value: Any, edge: Edge | None) -> Any:
    """An argument as forward sees it in torch: one that is differentiated requires grad."""
    if isinstance(value, Variable):
        if edge is None:
            return value._data
        own = alias_of(value, value._data)
        if transform_depth():  # inside torch.vmap no tensor may require grad
            return own
        own.requires_grad_()
        give(own, edge)
        return own
    if isinstance(value, CONTAINERS) and has_variable(value):
        if isinstance(value, dict):
            return {key: _raw(v, None) for key, v in value.items()}
        return like(value, [_raw(v, None) for v in value])
    return value


def _without_torchs_graph(
    context: Any, output: Any, raw: tuple[Any, ...], args: tuple[Any, ...]
) -> Any:
    """The outputs as tensors without a graph of torch's autograd."""
    if isinstance(output, tuple | list):
        # What holds no tensor is given back as the object that it is, and may be in itself.
        inner = [
            o
            if isinstance(o, tuple | list) and not holds_tensor(o)
            else _without_torchs_graph(context, o, raw, args)
            for o in output
        ]
        return inner if isinstance(output, list) else tuple(inner)
    if isinstance(output, Variable):
        return output._data
    if not isinstance(output, Tensor) or any(output is t for t in context._pg_dirty):
        return output
    free = _free(output, raw, args)
    if any(output is t for t in context._pg_constants):
        if any(output is t for t in raw):
            free = free.detach()
        context._pg_constants = (*context._pg_constants, free)
    if not any(output is t for t in raw):
        for name in ("_pg_saved", "_pg_for_jvp"):
            saved = getattr(context, name, None)
            if saved:
                setattr(context, name, tuple([free if t is output else t for t in saved]))
    return free


def _free(output: Tensor, raw: tuple[Any, ...], args: tuple[Any, ...]) -> Tensor:
    for given, arg in zip(raw, args, strict=True):
        if isinstance(arg, Variable) and given is output and arg._data is output:
            return output  # a constant that is returned as it is
        if isinstance(arg, Variable) and isinstance(given, Tensor) and _shares(output, given):
            # A view of the argument, not of what forward was given for it.
            own = arg._data.as_strided(output.size(), output.stride(), output.storage_offset())
            own = own.conj() if own.is_conj() != output.is_conj() else own
            return torch._neg_view(own) if own.is_neg() != output.is_neg() else own
    return detached(output) if output.requires_grad else output


def _shares(one: Tensor, other: Tensor) -> bool:
    """Whether both are strided, of one dtype, and in the same memory."""
    try:
        memory = one.untyped_storage().data_ptr()
        return bool(memory) and (
            one.dtype is other.dtype and memory == other.untyped_storage().data_ptr()
        )
    except (NotImplementedError, RuntimeError):  # a layout without a storage, a subclass
        return False


def _attribute_origins(context: Any, raw: tuple[Any, ...], output: Any) -> list[tuple[Tensor, Any]]:
    """The tensors that forward set as attributes, with where they are from."""
    tensors = list(tensors_in([v for k, v in vars(context).items() if not k.startswith("_pg_")]))
    outputs = output if isinstance(output, tuple | list) else (output,)
    dirty = {id(t) for t in context._pg_dirty}
    found = origins(tensors, raw, outputs, dirty, context._pg_constants)
    return list(zip(tensors, found, strict=True))


def _adopt(cls: Any) -> type[Function]:
    """A Function of plugrad whose rule is a torch.autograd.Function's."""
    base = torch.autograd.function._SingleLevelFunction
    rule = cls.vjp if cls.backward is base.backward else cls.backward
    if cls.backward is not base.backward and cls.vjp is not base.vjp:
        raise ContextError(
            f"Implementing both 'backward' and 'vjp' for a custom Function is not allowed: "
            f"{cls.__name__} has both",
            fix="keep one of them",
        )
    once = once_marked(rule)
    differentiated_once = once_differentiable(rule.__wrapped__) if once else None

    def forward(ctx: Context, *args: Any) -> Any:
        return cls.forward(ctx, *args)

    def backward(ctx: Any, *gradients: Any) -> Any:
        if running.recorded_rule is None:
            result = rule(ctx, *gradients)
            refuse_set_grad(ctx, result if isinstance(result, tuple | list) else (result,))
        elif differentiated_once is not None:
            result = differentiated_once(ctx, *gradients)
        elif not ctx._pg_shows_proxies:
            result = rule(with_variables(ctx), *gradients)
        else:
            result = behind(rule(with_variables(ctx), *as_proxies(gradients)))
        return only_for_tensors(ctx, result)

    if once:
        backward.once_differentiable = True  # type: ignore[attr-defined]

    def jvp(ctx: Any, *tangents: Any) -> Any:
        return cls.jvp(ctx if running.recorded_rule is None else with_variables(ctx), *tangents)

    attributes = {
        "forward": staticmethod(forward),
        "backward": staticmethod(backward),
        "__module__": cls.__module__,
        "__qualname__": cls.__qualname__,
        "__doc__": cls.__doc__,
    }
    if cls.jvp is not base.jvp:
        attributes["jvp"] = staticmethod(jvp)
    function: Any = type(cls.__name__, (Function,), attributes)
    function.record_type = type(
        f"{cls.__name__}Backward",
        (AdoptedRecord, function.record_type),
        {
            "__slots__": (),
            "__module__": cls.__module__,
            "_pg_clears_on_access": getattr(cls, "clear_saved_tensors_on_access", False),
            "_pg_shows_proxies": is_for_lists(rule),
        },
    )
    return function  # type: ignore[no-any-return]
