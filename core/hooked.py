"""Hooked: hooks on a Variable's gradient; Extra: state that few Variables have."""

from __future__ import annotations

import os
import weakref
from collections import OrderedDict
from threading import Lock
from typing import TYPE_CHECKING, Any, NoReturn, cast

import torch

from plugrad.core.context import whole
from plugrad.core.hooks import Arrival, Hooks, register
from plugrad.errors import GradientDtypeError, LeafError

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import EllipsisType

    from torch import Tensor
    from torch.utils.hooks import RemovableHandle
    from typing_extensions import Self

    from plugrad.core.node import Edge, Record
    from plugrad.core.variable import Variable
    from plugrad.core.views import View


class _Locks:
    """One lock for all leaves' gradients and one for what is made of a Variable when needed.

    They are held only briefly; a lock for each leaf would cost more memory than waiting
    costs time. A forked child gets new ones: the thread that held one does not exist there.
    """

    def __init__(self) -> None:
        self.accumulating, self.making = Lock(), Lock()


LOCKS = _Locks()
os.register_at_fork(after_in_child=LOCKS.__init__)  # type: ignore[misc]


#: What ``Extra.grad_dtype`` is as long as nobody has set it.
ITS_OWN = Ellipsis


class Extra:
    """State that few Variables have: leaves that were used, views, and leaves with hooks."""

    __slots__ = (
        "__weakref__",
        "accumulator",
        "arrival",
        "changes",
        "grad_dtype",
        "is_param",
        "outdated",
        "persistent",
        "post_accumulate",
        "view",
    )

    #: A leaf's AccumulateGrad while a graph leads to it, and what happens on arrival there.
    accumulator: weakref.ref[Record] | None
    #: Those of before its data got another shape or dtype; unset in nearly all.
    outdated: list[weakref.ref[Record]]
    arrival: Arrival | None
    post_accumulate: Hooks | None
    #: Which Variable this is a view of, and how.
    view: View | None
    #: The dtype of a leaf's grad, None for any; in nearly all ITS_OWN.
    grad_dtype: torch.dtype | EllipsisType | None
    #: Whether torch.nn.Parameter(variable) made it; unset in nearly all.
    is_param: bool
    #: Whether a module is to save it; set in what torch.nn.Buffer(variable) made.
    persistent: bool
    #: How many more changes ``_version`` counts than the data's own counter, since the Variable
    #: was given other data; unset in nearly all.
    changes: int


class _HookedLeaves:
    """The leaves with hooks: while there are any, backward counts when a gradient is complete."""

    def __init__(self) -> None:
        #: Whether there ever was one, which is fast to ask.
        self.ever = False
        self._extras: weakref.WeakSet[Extra] = weakref.WeakSet()

    def add(self, leaf: Any) -> None:
        """Note a leaf that gets a hook."""
        self.ever = True
        self._extras.add(extra_of(leaf))

    def are_there(self) -> bool:
        """Whether one of them is alive and still has a hook."""
        for extra in list(self._extras):
            record = None if extra.accumulator is None else extra.accumulator()
            if extra.post_accumulate or (extra.arrival is not None and extra.arrival.hooks):
                return True
            if record is not None and record._pg_special:
                return True
        return False


HOOKED_LEAVES = _HookedLeaves()


class Hooked:
    """The methods of a Variable that pass on its gradient when that is complete."""

    __slots__ = ()

    if TYPE_CHECKING:
        _edge: Edge | None
        _extra: Extra | None
        shape: Any
        dtype: Any
        grad_fn: Any
        is_leaf: Any
        requires_grad: Any

    @property
    def retains_grad(self) -> bool:
        """Whether this is a non-leaf whose gradient backward will keep."""
        edge = self._edge or (None if self.is_leaf else current_edge(self))
        if edge is None:
            return False
        from plugrad.core.node import ends

        record, number = ends(edge)
        arrival = (record._pg_arrivals or {}).get(number)
        kept_by = None if arrival is None else arrival.retained_by
        return kept_by is not None and kept_by() is self

    def retain_grad(self) -> None:
        """Let backward keep the gradient of this non-leaf in ``grad``; no effect on a leaf.

        Raises:
            LeafError: the Variable does not require grad.
        """
        if not self.requires_grad:
            raise LeafError(
                "can't retain_grad on Tensor that has requires_grad=False",
                where=f"a Variable of shape {tuple(self.shape)}",
                fix="compute it from a Variable with requires_grad=True",
            )
        if not self.is_leaf:
            _arrival(self).retained_by = weakref.ref(cast("Variable", self))

    @property
    def grad_dtype(self) -> torch.dtype | None:
        """The dtype that backward casts this leaf's gradient to, None for any: by default its own.

        Raises:
            LeafError: an op computed the Variable.
            GradientDtypeError: it is set while ``grad`` has another dtype.
        """
        _check_leaf_of_grad_dtype(self, "accessed")
        return grad_dtype_of(self)

    @grad_dtype.setter
    def grad_dtype(self, dtype: torch.dtype | None) -> None:
        _check_leaf_of_grad_dtype(self, "set")
        grad: Any = self._grad  # type: ignore[attr-defined]
        if grad is not None and dtype is not None and grad.dtype is not dtype:
            raise GradientDtypeError(
                f"Cannot set grad_dtype to {dtype} because there is already a gradient with dtype "
                f"{grad.dtype}",
                where=f"a leaf of shape {tuple(self.shape)}",
                fix="clear the gradient first (.grad = None)",
            )
        extra = extra_of(self)
        extra.grad_dtype = dtype
        record = None if extra.accumulator is None else extra.accumulator()
        if record is not None:
            record._pg_dtype = dtype

    def register_hook(self, hook: Callable[[Variable], Any]) -> RemovableHandle:
        """Call ``hook(gradient)`` when this Variable's gradient is complete.

        It may return a gradient that replaces it. The handle's ``remove()`` (or the end of
        a ``with`` block) removes the hook. For a non-leaf the hook is on what computes it now:
        an in-place change leaves it with the value before the change.

        Raises:
            LeafError: the Variable does not require grad.
            HookError: the hook cannot be called, or what it returns does not fit.
        """
        if not self.requires_grad:
            refuse_hook(self)
        return register(_arrival(self).hooks, hook)

    def register_post_accumulate_grad_hook(self, hook: Callable[[Self], Any]) -> RemovableHandle:
        """Call ``hook(self)`` after backward added to this leaf's ``grad``.

        Raises:
            LeafError: this is not a leaf that requires grad.
        """
        if not self.requires_grad:
            refuse_hook(self)
        if not self.is_leaf:
            raise LeafError(
                "post accumulate grad hooks cannot be registered on non-leaf tensors",
                where=f"a Variable of shape {tuple(self.shape)} computed by {self.grad_fn!r}",
                fix="register it on the leaf; a non-leaf has register_hook and retain_grad",
            )
        HOOKED_LEAVES.add(self)
        extra = extra_of(self)
        if extra.post_accumulate is None:
            extra.post_accumulate = OrderedDict()
        return register(extra.post_accumulate, hook)


def new_extra() -> Extra:
    """Make one with nothing in it; an __init__ would cost 3 % of a view."""
    extra = Extra()
    extra.accumulator = extra.arrival = extra.post_accumulate = extra.view = None
    extra.grad_dtype = ITS_OWN
    return extra


def extra_of(variable: Any) -> Extra:
    """The Extra of ``variable``, made when it is first needed."""
    if variable._extra is None:
        with LOCKS.making:  # two threads may ask at the same time
            if variable._extra is None:
                variable._extra = new_extra()
    extra: Extra = variable._extra
    return extra


def grad_dtype_of(variable: Any) -> torch.dtype | None:
    """The dtype of its grad, None for any."""
    extra = variable._extra
    if extra is None or extra.grad_dtype is ITS_OWN:
        return variable.dtype  # type: ignore[no-any-return]
    return extra.grad_dtype  # type: ignore[no-any-return]


def _check_leaf_of_grad_dtype(variable: Any, what: str) -> None:
    if not variable.is_leaf:
        raise LeafError(
            f"grad_dtype can only be {what} on leaf tensors",
            where=f"a Variable computed by {variable.grad_fn!r}",
            fix="set it on the leaf that the Variable is computed from",
        )


def version_of(variable: Any) -> int:
    """``_version``: the in-place changes of its data, and those of data that it had before."""
    own: int = whole(variable._data)._version
    return own if variable._extra is None else own + getattr(variable._extra, "changes", 0)


def replace_data(variable: Any, data: Tensor) -> None:
    """Give a Variable other data; ``_version`` goes on where it was, as in torch."""
    old = variable._data
    if (data.shape != old.shape or data.dtype is not old.dtype) and variable._extra is not None:
        forget_accumulator(variable._extra)
    before = None if old.is_inference() or data.is_inference() else version_of(variable)
    variable._data = with_attributes(variable, data)
    if before is not None and before != version_of(variable):
        extra = extra_of(variable)
        extra.changes = getattr(extra, "changes", 0) + before - version_of(variable)


def forget_accumulator(extra: Extra) -> None:
    """Let go of a leaf's AccumulateGrad: it is for gradients of the old shape and dtype."""
    reference, extra.accumulator = extra.accumulator, None
    if reference is not None and reference() is not None:
        OUTDATED.append(True)
        extra.outdated = [*getattr(extra, "outdated", ()), reference]


#: Not empty once a leaf got another shape or dtype while a graph led to it, which is rare.
OUTDATED: list[bool] = []


def with_attributes(variable: Any, data: Tensor) -> Tensor:
    """``data``; of a Variable that attributes can be set on, an alias that has them."""
    return alias_of(variable, data) if _shares_attributes(variable, data) else data


def alias_of(variable: Any, data: Tensor) -> Tensor:
    """An alias of ``data``, on which the attributes set on ``variable`` are found.

    A Function is given bare tensors, and may ask them for attributes: ``weight.main_grad``.
    """
    own = data.detach()
    if _shares_attributes(variable, data):
        own.__dict__ = variable.__dict__
    return own


def _shares_attributes(variable: Any, data: Tensor) -> bool:
    return bool(type(variable).__dictoffset__) and data.__class__ is torch.Tensor


def current_edge(variable: Any) -> Edge | None:
    """What ``edge_of`` returns, for the modules that it is built on."""
    from plugrad.core.accumulate_grad import edge_of

    return edge_of(variable)


def _arrival(variable: Any) -> Arrival:
    """What happens to the gradient of ``variable``, to be added to."""
    if variable.is_leaf:  # kept here: an AccumulateGrad lives no longer than a graph
        HOOKED_LEAVES.add(variable)
        extra = extra_of(variable)
        if extra.arrival is None:
            extra.arrival = Arrival()
        return extra.arrival
    from plugrad.core.node import arrival_at

    return arrival_at(cast("Edge", current_edge(variable)))


def refuse_hook(variable: Any) -> NoReturn:
    """Raise the LeafError for a hook on what does not require grad."""
    raise LeafError(
        "cannot register a hook on a tensor that doesn't require gradient: it would never "
        "be called",
        where=f"a Variable of shape {tuple(variable.shape)}",
        fix="make it with requires_grad=True, or compute it from one that is",
    )
