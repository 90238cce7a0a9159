"""Views: which memory a view uses, and how its edge follows in-place changes of it."""

from __future__ import annotations

import weakref
from typing import TYPE_CHECKING, Any

import torch

from plugrad.core.accumulate_grad import edge_of
from plugrad.core.context import whole
from plugrad.core.hooked import new_extra
from plugrad.core.node import arrival_at, stop_retaining
from plugrad.core.replay import Step, reading, rearrangement, replay, shares_memory
from plugrad.core.variable import Variable, plain
from plugrad.errors import InplaceError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor

    from plugrad.core.function import Function
    from plugrad.core.node import Edge

_is_inference_mode_enabled = torch.is_inference_mode_enabled

#: Why a view's base or the view itself must not be changed in place while that is recorded.
NO_GRAD, INFERENCE = "no_grad", "inference_mode"
OF_NO_GRAD, OF_INFERENCE = "a view of a no_grad view", "a view of an inference_mode view"
SEVERAL, CUSTOM = "several outputs", "custom Function"
SEVERAL_CUSTOM = "several outputs of a custom Function"

#: The reason for views of the view.
_INHERITED = {NO_GRAD: OF_NO_GRAD, INFERENCE: OF_INFERENCE}


class View:
    """How a Variable is made from its base, by view ops one after the other."""

    __slots__ = (
        "args",
        "base",
        "base_data",
        "base_edge",
        "edge",
        "function",
        "is_leaf",
        "kwargs",
        "number",
        "parent",
        "reason",
        "version",
    )

    #: The Variable that owns the memory and is not a view itself, and its layout when the first of
    #: the ops was called, since the ops' arguments fit that.
    base: Variable
    base_data: Tensor | None
    #: How the input of the last op is made from the base; None if it is the base.
    parent: View | None
    #: The last op, what it was called with after its input, and which of several outputs it is.
    function: type[Function]
    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    number: int | None
    #: Why it must not be changed in place; empty if it may be.
    reason: str
    #: Where the view's gradient goes, as of this version of the memory and edge of the base.
    edge: Edge | None
    version: int
    base_edge: Edge | None
    #: Whether requires_grad_() made the view itself a leaf.
    is_leaf: bool

    def steps(self) -> tuple[Step, ...]:
        """How the view is made from its current base, the first op first.

        Raises:
            InplaceError: the base was given other data.
        """
        back = rearrangement(self.base._data, self.base_data)
        if back is None:
            raise _base_changed(self)
        steps: list[Step] = []
        view: View | None = self
        while view is not None:
            steps.append(Step(view.function, view.args, view.kwargs, view.number))
            view = view.parent
        return (*back, *reversed(steps))

    def outdate(self) -> None:
        """Look for the edge again next time, because the view's own change moved it."""
        self.version = -1

    def _is_behind_dual(self) -> bool:
        """Whether the tangent of the base has changed, of which this view's is a view."""
        return self.edge is not None and edge_of(self.base) is not self.base_edge

    def current_edge(self, variable: Variable) -> Edge | None:
        """Where the gradient of the view goes, after any in-place change of the base.

        Raises:
            InplaceError: the base was changed, and the view does not allow that.
        """
        version = whole(variable._data)._version
        changed = version != self.version
        behind = self.base._is_dual and self._is_behind_dual()
        if (changed or behind) and (self.edge is not None or self.base.requires_grad):
            if self.reason and (changed or self.reason != SEVERAL):
                raise _base_changed(self)
            base_edge = edge_of(self.base)
            if base_edge is not self.base_edge:
                steps = self.steps()
                retained = stop_retaining(variable, self.edge)
                with torch.enable_grad():
                    self.edge = edge_of(replay(steps, self.base))
                self.base_edge, self.is_leaf = base_edge, False
                if retained and self.edge is not None:
                    arrival_at(self.edge).retained_by = weakref.ref(variable)
            self.version = version
        return self.edge


def note_views(
    function: type[Function], args: tuple[Any, ...], kwargs: dict[str, Any], output: Any
) -> None:
    """Note which outputs of a call share memory with its first argument."""
    x = args[0]
    if output.__class__ is Variable:
        _note(function, x, args[1:], kwargs, output, None, "")
    elif isinstance(output, tuple | list):
        for number, each in enumerate(output):
            if each.__class__ is Variable:
                _note(function, x, args[1:], kwargs, each, number, SEVERAL)


def note_custom_view(
    function: type[Function],
    operands: Any,
    output: Any,
    number: int | None = None,
    reason: str = CUSTOM,
) -> None:
    """Note that an output which is a view of an operand must not be changed in place.

    ``number`` says which output, if there are several.
    """
    for x in operands:
        if isinstance(x, Variable):
            _note(function, x, (), {}, output, number, reason, custom=True)
        elif isinstance(x, list | tuple):
            note_custom_view(function, x, output, number, reason)


def note_strided_view(
    as_strided: type[Function], operands: Sequence[Variable], view: Variable
) -> bool:
    """Note how a view that no op made is made of the only one of ``operands`` in its memory.

    Returns: Whether there is just one, and the view has elements of it as they are.
    """
    own = view._data
    bases = [x for x in operands if shares_memory(own, x._data)]
    if len(bases) != 1 or own.layout is not torch.strided:
        return False
    raw = bases[0]._data
    if raw.layout is not torch.strided or reading(raw)[1:] != reading(own)[1:]:
        return False
    geometry = list(own.shape), list(own.stride()), own.storage_offset()
    note_views(as_strided, (bases[0], *geometry), {}, view)
    return True


def note_custom_views(
    function: type[Function], operands: Sequence[Any], outputs: Sequence[Any]
) -> tuple[int, ...]:
    """Note which outputs are views of an operand, of each other or of what forward made.

    They must not be changed in place: the graph does not know how one depends on another.

    Returns: The numbers of those that are views of an operand.
    """
    of_operands: list[int] = []
    variables = [v for v in outputs if isinstance(v, Variable)]
    reason = SEVERAL_CUSTOM if sum(v._edge is not None for v in variables) > 1 else CUSTOM
    made = [v for v in variables if not any(v is x for x in operands)]
    # Each with the Variable that is the base of a view of its memory.
    bases = [(v, v) for v in made if not whole(v._data)._is_view()]
    for number, output in enumerate(outputs):
        if not any(v is output for v in made) or not whole(output._data)._is_view():
            continue
        if output._extra is not None:  # returned twice
            continue
        which = number if len(outputs) > 1 else None
        note_custom_view(function, operands, output, which, reason)
        if output._extra is not None:
            of_operands.append(number)
        elif not function.is_builtin():
            shared = (base for v, base in bases if shares_memory(output._data, v._data))
            base = next(shared, None)
            if base is None and not function.owns_its_outputs:
                base = _base_that_forward_made(output)
            if base is not None:
                _note(function, base, (), {}, output, which, reason, custom=True)
            bases.append((output, output if base is None else base))
    return tuple(of_operands)


def _base_that_forward_made(output: Variable) -> Variable | None:
    base = whole(output._data)._base
    return None if base is None else plain(base)


def _note(
    function: type[Function],
    x: Variable,
    args: tuple[Any, ...],
    kwargs: dict[str, Any],
    output: Variable,
    number: int | None,
    reason: str,
    custom: bool = False,
) -> None:
    raw, own = x._data, output._data
    if output is x:  # as x.contiguous() may be
        return
    if own is raw:  # two Variables need two tensors
        output._data = own = raw.view_as(raw)
    shares = shares_memory(own, raw) if custom else _is_view_of(own, raw)
    if not shares or output._extra is not None:
        return
    try:
        version = whole(own)._version
    except RuntimeError:  # an inference tensor has none, and is never recorded
        return
    parent = None if x._extra is None else x._extra.view
    edge = output._edge
    if _is_inference_mode_enabled():
        reason = INFERENCE
    elif edge is None and not torch.is_grad_enabled():
        reason = NO_GRAD
    elif not reason and parent is not None:
        reason = _INHERITED.get(parent.reason, parent.reason)
    # Filled here: an __init__ would cost 4 % of a call.
    view = View()
    view.base = base = x if parent is None else parent.base
    view.base_data = base._data if parent is None else parent.base_data
    view.base_edge = base._edge or edge_of(base)
    view.parent, view.reason, view.is_leaf = parent, reason, False
    view.function, view.args, view.kwargs, view.number = function, args, kwargs, number
    view.edge, view.version = edge, version
    extra = output._extra = new_extra()
    extra.view = view
    if edge is None:
        output._requires_grad = own.is_floating_point() or own.is_complex()
    else:
        output._edge = None


def _is_view_of(own: Tensor, raw: Tensor) -> bool:
    own, raw = whole(own), whole(raw)
    base = own._base
    return base is not None and (base is raw or base is raw._base)


def overlaps_itself(tensor: Tensor) -> bool:
    """Whether two elements share memory, as in an expanded tensor or the windows of ``unfold``."""
    if tensor.layout is not torch.strided or tensor.is_contiguous():
        return False
    reach = 0
    for stride, size in sorted(zip(tensor.stride(), tensor.shape, strict=True)):
        if size > 1:
            if stride <= reach:
                return _count_of_places(tensor) < tensor.numel()
            reach += stride * (size - 1)
    return False


def _count_of_places(tensor: Tensor) -> int:
    places = torch.zeros((), dtype=torch.int64)
    for stride, size in zip(tensor.stride(), tensor.shape, strict=True):
        places = places[..., None] + stride * torch.arange(size)
    return len(set(places.flatten().tolist()))


def check_inplace(variable: Variable, op_name: str) -> None:
    """Check that a recorded in-place change of ``variable`` can be represented.

    Raises:
        InplaceError: it is a leaf that requires grad, a view of one, or a view that must not
            be changed.
    """
    view = None if variable._extra is None else variable._extra.view
    base: Any = variable if view is None else view.base
    if base._is_dual:
        base._check_inplace(op_name)
    data = variable._data
    if not (data.is_floating_point() or data.is_complex()):
        return  # integers have no gradient that could be lost
    if view is not None:
        if view.reason:
            raise _view_changed(view, op_name)
        view.steps()  # raises if the current base allows none
        if variable.requires_grad and view.base.is_leaf:
            raise _leaf_changed("a view of a leaf", op_name)
    if variable.requires_grad and variable.is_leaf:
        raise _leaf_changed("a leaf", op_name)


def _leaf_changed(what: str, op_name: str) -> InplaceError:
    return InplaceError(
        f"{what} Variable that requires grad is being used in an in-place operation, {op_name}",
        where=f"a call of {op_name}",
        fix="do it in plugrad.no_grad(), as an optimizer does; or change a clone() of it",
    )


_APART = "; the view and the change must be both inside the {} block or both outside"

#: What errors say, with which output it is, and what was changed.
_SAYS = {
    NO_GRAD: "A view was created in no_grad mode and {1} modified inplace with grad mode enabled"
    + _APART.format("no_grad"),
    OF_NO_GRAD: "{0} is a view of a view which was created in no_grad mode and {1} modified "
    "inplace with grad mode enabled" + _APART.format("no_grad"),
    INFERENCE: "A view was created in inference mode and {1} modified inplace"
    + _APART.format("inference_mode"),
    OF_INFERENCE: "{0} is a view of a view which was created in inference mode and {1} modified "
    "inplace" + _APART.format("inference_mode"),
    SEVERAL: "{0} is a view and {1} modified inplace. This view is the output of a function that "
    "returns multiple views. Such functions do not allow that",
    CUSTOM: "{0} is a view and {1} modified inplace. This view was created inside a custom "
    "Function, whose backward the change would override",
}

_ADVICE = {
    NO_GRAD: "make the view and change it both inside no_grad() or both outside",
    INFERENCE: "make the view outside inference_mode(), or change a clone() of it",
    SEVERAL: "change a clone() of it, or index the base: x[0] in place of x.unbind()[0]",
    CUSTOM: "change a clone() of it, or return a clone from the Function",
}
_SAYS[SEVERAL_CUSTOM], _ADVICE[SEVERAL_CUSTOM] = _SAYS[SEVERAL], _ADVICE[CUSTOM]
_ADVICE |= {of: _ADVICE[reason] for reason, of in _INHERITED.items()}


def _refusal(view: View, changed: str, where: str) -> InplaceError:
    output = f"Output {view.number or 0} of {view.function.__name__}"
    return InplaceError(
        _SAYS[view.reason].format(output, changed),
        where=f"{where}an output of {view.function.signature.op_name}",
        fix=_ADVICE[view.reason],
    )


def _view_changed(view: View, op_name: str) -> InplaceError:
    return _refusal(view, "is being", f"a call of {op_name} on ")


def _base_changed(view: View) -> InplaceError:
    if view.reason:
        return _refusal(view, "its base or another view of its base has been", "")
    return InplaceError(
        "a view or its base was given other data or another shape, and one of them was changed in "
        "place afterwards",
        where=f"an output of {view.function.signature.op_name}",
        fix="make the view again",
    )
