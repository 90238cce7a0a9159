"""The record of a torch.autograd.Function that was called with Variables, as its rule's ctx."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from copy import copy
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from torch import Tensor

from plugrad.core.adopted_leaf import give
from plugrad.core.context import (
    UNKNOWN,
    Packed,
    intermediate_error,
    raise_changed,
    running,
    total_version,
    transform_depth,
)
from plugrad.core.held import holds_tensor
from plugrad.core.node import ManyRecord, edge_to
from plugrad.core.record import like
from plugrad.core.variable import Variable
from plugrad.errors import GradientTypeError, GraphFreedError
from plugrad.interop.proxies import as_proxies

if TYPE_CHECKING:
    from collections.abc import Sequence


class AdoptedRecord(ManyRecord):
    """A record of a torch.autograd.Function; it tolerates what torch tolerates."""

    __slots__ = ()

    _pg_broadcasts = True
    _pg_promotes = True
    _pg_keeps_tensors = True
    #: torch's ``clear_saved_tensors_on_access`` of the Function.
    _pg_clears_on_access = False
    #: Whether a recorded rule gets proxies: torch's for lists looks for tensors in what it returns.
    _pg_shows_proxies = False
    #: The tensors among the attributes, with where they are from.
    _pg_attribute_origins: Sequence[tuple[Tensor, Any]] = ()
    #: The version of those that are inputs or outputs, when the call was recorded.
    _pg_attribute_version = 0

    @property
    def saved_tensors(self) -> tuple[Any, ...]:
        if self._pg_clears_on_access and self._pg_saved is None:
            raise GraphFreedError(
                "saved_tensors can only be accessed once when clear_saved_tensors_on_access=True "
                "is set on the autograd.Function",
                where=f"backward of {self._pg_op_name}",
                fix="access saved_tensors only once, or set clear_saved_tensors_on_access=False; "
                "if it is the graph's second backward, run forward again",
            )
        packed = isinstance(self._pg_saved, Packed)
        saved = super().saved_tensors
        origins = getattr(self, "_pg_origins", None)  # which forward itself has not
        if origins and running.recorded_rule is None and not transform_depth():
            saved = tuple([_as_given(self, *each, packed) for each in zip(saved, origins)])  # noqa: B905
        if self._pg_clears_on_access:
            self._pg_free()
        return as_proxies(saved) if self._pg_shows_proxies else saved

    @property
    def saved_variables(self) -> tuple[Any, ...]:
        """Torch's old name for ``saved_tensors``."""
        warnings.warn(
            "'saved_variables' is deprecated; use 'saved_tensors'", DeprecationWarning, stacklevel=2
        )
        return self.saved_tensors

    def save_for_backward(self, *tensors: Any) -> None:
        """As in torch, also what a module of Variables computed in forward, without a graph."""
        super().save_for_backward(*[v._data if _is_constant(v) else v for v in tensors])

    def _pg_saved_variable(self, index: int, tensor: Tensor, origin: Any) -> Variable:
        return super()._pg_saved_variable(index, tensor.detach(), origin)


def _as_given(record: AdoptedRecord, value: Any, origin: Any, packed: bool) -> Any:
    """A saved tensor as a rule finds it in torch: what has a gradient requires grad.

    An input is what forward was given, unless an unpack hook returned it.
    """
    if not isinstance(value, Tensor) or origin.__class__ is not int:
        return value
    if origin >= 0:
        edge = record._pg_edges[origin] if packed else None
    else:
        edge = edge_to(record, -1 - origin)
    if edge is None or not (value.is_floating_point() or value.is_complex()):
        return value
    own = value.detach().requires_grad_()
    give(own, edge)
    return own


def _is_constant(value: Any) -> bool:
    return isinstance(value, Variable) and not value.requires_grad


def refuse_set_grad(ctx: Any, gradients: Sequence[Any]) -> None:
    """Raise GradientTypeError if a rule set an input's ``.grad`` in place of returning a gradient.

    What it saved is an alias, whose ``.grad`` nobody reads.
    """
    saved = ctx._pg_saved if ctx._pg_saved.__class__ is tuple else ()
    for tensor, origin in (*zip(saved, ctx._pg_origins), *ctx._pg_attribute_origins):  # noqa: B905
        if origin.__class__ is not int or not 0 <= origin < len(gradients):
            continue
        if gradients[origin] is None and isinstance(tensor, Tensor) and tensor.grad is not None:
            raise GradientTypeError(
                f"backward of {ctx._pg_op_name} set .grad of an input that it saved, and returned "
                f"None as its gradient {origin}: the input itself would get no gradient",
                where=f"backward of {ctx._pg_op_name}, gradient {origin}",
                fix="return it as the gradient, or keep it in an attribute of your own",
            )


def note_attributes(ctx: Any) -> None:
    """Note the version of the inputs and outputs among the attributes of a recorded call.

    As in torch, a first derivative may use what has been changed since; a second one has the edges
    of before the change, and would be that of other values.
    """
    ctx._pg_attribute_version = total_version(_of_the_call(ctx))


def _of_the_call(ctx: Any) -> tuple[Tensor, ...]:
    pairs = ctx._pg_attribute_origins
    return tuple([t for t, origin in pairs if isinstance(origin, int) and not t.is_inference()])


def with_variables(ctx: Any) -> Any:
    """A copy of a context whose tensor attributes are Variables, for a rule that is recorded.

    Raises:
        SavedIntermediateError: one is neither an input nor an output of forward.
        SavedTensorChangedError: one was changed in place since.
    """
    tensors = _of_the_call(ctx)
    if total_version(tensors) != ctx._pg_attribute_version:
        raise_changed(ctx, tensors)
    known = {id(tensor): origin for tensor, origin in ctx._pg_attribute_origins}
    context = copy(ctx)
    context._pg_narrowed_from = ctx._pg_narrowed_from or ctx
    for name, value in vars(ctx).items():
        if not name.startswith("_pg_") and holds_tensor(value):
            setattr(context, name, _as_variables(ctx, known, name, value))
    return context


# Not inside of the other: a closure that calls itself is a cycle, which would keep the record.
def _as_variables(ctx: Any, known: dict[int, Any], name: str, value: Any) -> Any:
    if isinstance(value, Tensor):
        differentiable = value.is_floating_point() or value.is_complex()
        origin = known.get(id(value), UNKNOWN if differentiable else None)
        if origin is UNKNOWN:
            raise intermediate_error(ctx, f"ctx.{name}", value)
        variable = ctx._pg_saved_variable(0, value, origin)
        return as_proxies(variable) if ctx._pg_shows_proxies else variable
    if not holds_tensor(value):
        return value
    if isinstance(value, Mapping):
        changed: Any = dict(value) if isinstance(value, MappingProxyType) else copy(value)
        changed.update({k: _as_variables(ctx, known, name, v) for k, v in value.items()})
        return changed
    return like(value, [_as_variables(ctx, known, name, v) for v in value])
