"""In-place twins: the methods ``add_``, ``__iadd__``, made of the ops they are twins of."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NoReturn

import torch
from torch import Tensor
from torch.autograd.graph import increment_version

from plugrad.core.accumulate_grad import AccumulateGrad, edge_of
from plugrad.core.context import running, total_version, whole
from plugrad.core.hooked import extra_of, forget_accumulator, with_attributes
from plugrad.core.inplace import Constant, rebase
from plugrad.core.node import ends, next_sequence_number, stop_retaining
from plugrad.core.replay import may_overlap
from plugrad.core.saved import pack_saved, top_hooks
from plugrad.core.seams import note_gate
from plugrad.core.tensor_facts import check_inference
from plugrad.core.unpack import any_foreign
from plugrad.core.variable import Variable, plain
from plugrad.core.views import check_inplace, overlaps_itself
from plugrad.core.written import may_be_source, source_of
from plugrad.errors import InplaceError

if TYPE_CHECKING:
    from collections.abc import Callable

    from plugrad.core.function import Function
    from plugrad.core.node import Record

_is_grad_enabled = torch.is_grad_enabled
_dispatch_modes = torch._C._len_torch_dispatch_stack

MISSING: Any = object()


def make_twin(function: type[Function], name: str) -> Callable[..., Any]:
    """The in-place method ``name`` of an op: ``add_``, ``__iadd__``.

    If nothing is recorded, it is torch's own method. If it is recorded, it is the op
    itself, with its result written over the Variable; so one rule serves both. The twin of
    a view op (``t_``) writes nothing: the Variable becomes the view.
    """
    native = getattr(Tensor, name, None) or _written_over(function)
    becomes_view = _declares_view(function) and hasattr(Tensor, name)
    op_name, operator = function.signature.op_name, name.startswith("__i")

    def twin(x: Any = MISSING, /, *args: Any, **kwargs: Any) -> Any:
        if x is MISSING:  # torch.sin_(input=x)
            (x, *args), kwargs = function.signature.bind((), kwargs)  # type: ignore[assignment]
        if operator and any_foreign(args, op_name, in_place=True):
            return NotImplemented  # x would be left as it is, silently
        if not isinstance(x, Variable):
            return _change_tensor(native, name, x, args, kwargs)
        try:
            if becomes_view:
                become(x, function, name, args, kwargs)
            elif _is_grad_enabled() and any(map(_tracked, (x, *args, *kwargs.values()))):
                check_inplace(x, name)
                if function.overwrite is not None:
                    function.overwrite(x, *args, **kwargs)
                else:
                    overwrite(x, function, name, args, kwargs)
            else:
                data = x._data
                check_inference(data, name)
                raw_args = [a._data if isinstance(a, Variable) else raw_argument(a) for a in args]
                if kwargs:
                    kwargs = {k: raw_argument(v) for k, v in kwargs.items()}
                if native(data, *raw_args, **kwargs) is NotImplemented:
                    return NotImplemented  # as of a Fraction: x is as it was
        except RuntimeError as error:
            if "single memory location" in str(error):
                _refuse_overlap(name, error)
            raise
        return x

    twin.__name__ = name
    twin.__qualname__ = f"Variable.{name}"
    twin.__doc__ = f"In place: {function.__doc__}"
    twin.__signature__ = function.signature.python  # type: ignore[attr-defined]
    note_gate(twin)
    return twin


def _refuse_overlap(name: str, error: RuntimeError | None = None) -> NoReturn:
    raise InplaceError(
        "unsupported operation: more than one element of the written-to tensor refers to a single "
        "memory location, as in an expanded view",
        where=f"a call of {name}",
        fix="change a clone() of it",
    ) from error


def _declares_view(function: type[Function]) -> bool:
    return function.declaration is not None and function.declaration.view


def _written_over(function: type[Function]) -> Callable[..., Any]:
    """An in-place call on tensors for a name that torch.Tensor does not have."""

    def native(tensor: Tensor, *args: Any, **kwargs: Any) -> Tensor:
        return tensor.copy_(function.apply(plain(tensor), *args, **kwargs)._data)

    return native


def raw_argument(value: Any) -> Any:
    """``value`` with tensors for Variables, also in a list or tuple."""
    if isinstance(value, Variable):
        return value._data
    if value.__class__ is list or value.__class__ is tuple:
        return value.__class__([raw_argument(v) for v in value])
    return value


def _tracked(value: Any) -> bool:
    if isinstance(value, Variable):
        return edge_of(value) is not None
    return isinstance(value, list | tuple) and any(map(_tracked, value))


def _with_sources(value: Any) -> Any:
    """``value`` with tensors that torch's graph knows for Variables that require grad."""
    if isinstance(value, list | tuple):
        return type(value)(map(_with_sources, value))
    return source_of(value) if _tracked(value) else value


def overwrite(
    x: Variable,
    function: type[Function],
    name: str,
    args: tuple[Any, ...],
    kwargs: dict[str, Any],
) -> None:
    """Write ``function(x, ...)`` over ``x``, and let its gradient go there from now on."""
    if overlaps_itself(x._data):
        _refuse_overlap(name)
    later, running.packs_later = running.packs_later, True
    number = next_sequence_number()
    try:
        result = function.apply(x, *args, **kwargs)
    finally:
        running.packs_later = later
    if result is x:  # as conj_physical gives a real number: nothing changes
        return
    edge = result._edge
    if edge is None or ends(edge)[0]._pg_sequence_number < number:
        result = _made_by_this_call(result, number)
    view = None if result._extra is None else result._extra.view
    old, new, edge = x._data, result._data, result._edge
    if view is not None:
        edge = view.edge
        if view.base is (x if x._base is None else x._base):
            if _same_elements(old, new):
                return
            new = new.clone()  # writing must not change what is read
    if new.shape != old.shape:
        raise InplaceError(
            f"output with shape {list(old.shape)} doesn't match the broadcast shape "
            f"{list(new.shape)}",
            where=f"a call of {name}",
            fix=f"use the op that makes a new Variable, {name.strip('_')}",
        )
    if not torch.can_cast(new.dtype, old.dtype) or (old.is_complex() and new.is_floating_point()):
        raise InplaceError(
            f"result type {new.dtype} can't be cast to the desired output type {old.dtype}",
            where=f"a call of {name}",
            fix=f"use the op that makes a new Variable, {name.strip('_')}, or cast first",
        )
    if edge is None:  # as in a comparison; or x holds integers
        was = edge_of(x)
        old.copy_(new)
        if was is not None:
            rebase(x, Constant(was, old), 0)
        return
    record, _ = ends(edge)
    _write(record, old, new)
    record._pg_dtype = old.dtype
    rebase(x, edge, 0)


def _write(record: Record, old: Tensor, new: Tensor) -> None:
    """Write ``new`` over ``old``, while the record of the change keeps what it saved as it was."""
    saved = record._pg_saved or ()
    before = old.clone() if any(t is old for t in saved) else old
    kept = [before if t is old else t for t in saved]
    if saved and top_hooks(True) is not None:  # they see what is saved after the write
        kept = [t if t is new or t is before else _safe_from(old, t) for t in kept]
    others = total_version(tuple([t for t in kept if t is not new]))
    old.copy_(new)
    if saved:
        record._pg_saved = tuple([old if t is new else t for t in kept])
        record._pg_version = others + whole(old)._version * sum(t is new for t in kept)
        pack_saved(record)


def _safe_from(changed: Tensor, saved: Any) -> Any:
    """A saved value, or its copy if it may change with ``changed``: another view of its memory."""
    overlaps = isinstance(saved, Tensor) and may_overlap(saved, (changed,))
    return saved.clone() if overlaps else saved


def _made_by_this_call(result: Variable, number: int) -> Variable:
    """``result``, or a copy of what there was before, which a composite may return.

    That goes on as it is: its record is not that of the change, and it may be a leaf.
    """
    edge = edge_of(result)
    if edge is None:
        return result
    record, _ = ends(edge)
    is_before = isinstance(record, AccumulateGrad) or record._pg_sequence_number < number
    return result.clone() if is_before else result


def _same_elements(x: Tensor, y: Tensor) -> bool:
    """Whether two views of one memory are the same view, as with dropout outside training."""
    if x.shape != y.shape or x.stride() != y.stride() or x.dtype is not y.dtype:
        return False
    bits = (x.is_conj(), x.is_neg()) == (y.is_conj(), y.is_neg())
    return bits and x.storage_offset() == y.storage_offset()


def become(
    x: Variable,
    function: type[Function],
    name: str,
    args: tuple[Any, ...],
    kwargs: dict[str, Any],
) -> None:
    """Make ``x`` what ``function(x, ...)`` is, a view of it: the same memory in another shape.

    It gets another tensor object, since a record may have saved the old one.
    """
    check_inference(x._data, name)
    recording = torch.is_grad_enabled() and x.requires_grad
    if recording:
        check_inplace(x, name)
    extra = extra_of(x)
    old = x._edge if extra.view is None else extra.view.edge
    z = function.apply(x, *args, **kwargs)
    if not recording:
        if _same_elements(x._data, z._data):
            _count_change(x)
            return
        _check_shape_is_free(x, name)
    made = extra_of(z).view
    edge = z._edge if made is None else made.edge
    retained = stop_retaining(x, old)
    x._data = with_attributes(x, z._data)
    forget_accumulator(extra)
    if extra.view is None:
        x._edge = edge if recording else None
    elif made is not None:
        made.reason, made.is_leaf = extra.view.reason, extra.view.is_leaf
        if not recording:  # the gradient still flows through its base: the edge is made when asked
            made.base_edge = None
            made.outdate()
        extra.view = made
    _count_change(x)
    if retained:
        x.retain_grad()


def _count_change(x: Variable) -> None:
    data = x._data
    if data.is_inference():
        return
    if _dispatch_modes() and data.layout is torch.strided:
        # By an op that a mode sees: allow_mutation_on_saved_tensors knows memory by its version.
        data.detach().squeeze_()
    else:
        increment_version(data)  # as torch counts it


def _check_shape_is_free(x: Variable, name: str) -> None:
    """Raise InplaceError if changing the shape without recording would not fit a gradient."""
    if x._edge is not None:
        raise InplaceError(
            f"{name} changes the shape or strides of a Variable that an op computed, in a mode "
            "that does not record it: its gradient would be that of the old ones",
            where=f"a Variable computed by {x.grad_fn!r}",
            fix=f"call it outside no_grad and inference_mode, or make a new Variable with "
            f"{name.rstrip('_')}()",
        )
    if x._grad is not None:
        raise InplaceError(
            f"{name} changes the shape or strides of a Variable, and not those of its grad",
            where=f"a Variable of shape {tuple(x.shape)}",
            fix="set grad to None first",
        )


def _change_tensor(
    native: Callable[..., Any],
    name: str,
    tensor: Any,
    args: tuple[Any, ...],
    kwargs: dict[str, Any],
) -> Any:
    """Torch's own in-place call on a plain tensor, with Variables among its arguments."""
    if torch.is_grad_enabled() and any(map(_tracked, (*args, *kwargs.values()))):
        if isinstance(tensor, Tensor) and may_be_source():
            args = tuple(map(_with_sources, args))
            kwargs = {k: _with_sources(v) for k, v in kwargs.items()}
            return _change_tensor(native, name, tensor, args, kwargs)
        raise InplaceError(
            f"{name} would write a Variable that requires grad into a plain tensor, which "
            "cannot remember where its values come from",
            where=f"a call of {name} on a tensor of shape {tuple(getattr(tensor, 'shape', ()))}",
            fix="make the tensor a Variable: plugrad.Variable(tensor); or, if no gradient is "
            "needed, pass .detach() or call it in plugrad.no_grad()",
        )
    native(
        tensor,
        *[raw_argument(a) for a in args],
        **{k: raw_argument(v) for k, v in kwargs.items()},
    )
    return tensor
