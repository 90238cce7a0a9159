"""AccumulateGrad, the end of the graph at a leaf; edge_of, which finds where a gradient goes."""

from __future__ import annotations

import sys
import weakref
from sys import getrefcount
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from plugrad.core.context import batched_seen, transform_depth
from plugrad.core.data import without_class
from plugrad.core.hooked import ITS_OWN, LOCKS, new_extra
from plugrad.core.hooks import call
from plugrad.core.node import Record, next_sequence_number
from plugrad.core.variable import Variable, plain
from plugrad.errors import (
    BackwardError,
    GradientDeviceError,
    GradientDtypeError,
    GradientShapeError,
    HookError,
    VmapError,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from plugrad.core.node import Edge

_functorch: Any = torch._C._functorch


class AccumulateGrad(Record):
    """Adds what arrives to ``variable.grad``.

    It keeps the leaf alive and the leaf knows it only weakly, so there is no cycle. It is
    made when the leaf is first used, hence older than every record that uses the leaf, and
    so backward runs it after all of them.
    """

    __slots__ = ("variable",)

    _pg_op_name = "AccumulateGrad"
    # The same for all, so not in slots.
    _pg_edges = _pg_kept = _pg_origins = needs_input_grad = ()

    variable: Variable

    @property
    def has_own_dtype(self) -> bool:
        """Whether ``grad_dtype`` says which dtype the gradient is to have."""
        extra = self.variable._extra
        return extra is not None and extra.grad_dtype is not ITS_OWN

    def accumulate(self, held: list[Any]) -> None:
        """Add the gradient in ``held``, a list of one, which is emptied.

        The list lets the caller give the gradient away: if nobody else can see the buffer,
        it becomes ``grad`` itself; otherwise a copy does, since a later in-place change of
        ``grad`` must not reach another gradient. What is to be called then, the caller calls.
        """
        gradient = held.pop()
        variable = self.variable
        if variable._edge is not None:
            raise BackwardError(
                "a leaf Variable has been moved into the graph interior: it was changed in place "
                "by an op after it was used as a leaf",
                where=f"a Variable computed by {variable.grad_fn!r}",
                fix="change a clone() of it in place",
            )
        if not variable._requires_grad:  # turned off since; its hooks are called all the same
            return
        leaf = variable._data
        if batched_seen and transform_depth():
            _refuse_a_sample(gradient, leaf)
        # The gradient fits the leaf as it was when this was made.
        if leaf.shape != self._pg_shape or leaf.dtype is not self._pg_dtype:
            gradient = _for_changed_leaf(gradient, leaf, self)
        with LOCKS.accumulating:  # two threads may reach one leaf at the same time
            old = variable._grad
            if old is None and not isinstance(gradient, Variable):
                shared = getrefcount(gradient) > _SOLE_REFERENCES
                held.append(gradient)
                del gradient
                variable._grad = plain(_own(held, leaf, shared))
            else:
                variable._grad = _total(old, gradient, leaf)


def _refuse_a_sample(gradient: Any, leaf: Tensor) -> None:
    raw = gradient._data if isinstance(gradient, Variable) else gradient
    if _level(raw) > _level(leaf):
        raise VmapError(
            "backward() was called in a function that vmap maps: a leaf from outside would get "
            "the gradient of one sample",
            where=f"a leaf of shape {tuple(leaf.shape)}",
            fix="return the loss, and call backward() of what vmap returns; or call pg.func.grad "
            "in the function",
        )


def _level(tensor: Tensor) -> int:
    """The innermost of torch.vmap's levels that it is batched at, 0 if at none."""
    batched = _functorch.is_batchedtensor(tensor)
    return int(_functorch.maybe_get_level(tensor)) if batched else 0


def edge_of(variable: Variable) -> Edge | None:
    """Where the gradient of ``variable`` goes, None if nowhere: the one way to find out.

    Raises:
        InplaceError: it is a view whose base was changed in place, and it cannot be made
            from what the base is now.
    """
    edge = variable._edge
    if edge is not None or not variable._requires_grad:
        return edge
    extra = variable._extra
    if extra is not None:
        if extra.view is not None:
            edge = extra.view.current_edge(variable)
            if edge is not None or not variable.requires_grad:
                return edge
        reference = extra.accumulator
        record = None if reference is None else reference()
        if record is not None:
            return record
    return _make_accumulator(variable)


def call_post_accumulate(variable: Variable) -> None:
    """Call what is to be called after a backward has reached the leaf."""
    extra = variable._extra
    if extra is not None and extra.post_accumulate:
        for registered in list(extra.post_accumulate.values()):
            if call(registered, variable) is not None:
                raise HookError(
                    "post-accumulate-grad hooks should return None",
                    where=f"the hook registered at {registered.place}",
                    fix="assign to the leaf's grad in the hook",
                )


def _make_accumulator(variable: Variable) -> Record:
    with LOCKS.making:  # another thread may have made it meanwhile
        extra = variable._extra
        if extra is None:
            extra = variable._extra = new_extra()
        record = None if extra.accumulator is None else extra.accumulator()
        if record is None:
            record = AccumulateGrad()  # filled here: an __init__ would cost a sixth more
            record.variable, data = variable, variable._data
            record._pg_shape = data.shape
            asked = extra.grad_dtype
            record._pg_dtype = data.dtype if asked is ITS_OWN else asked
            record._pg_sequence_number = next_sequence_number()
            extra.accumulator = weakref.ref(record)
        return record


def _total(old: Variable | None, gradient: Any, leaf: Tensor) -> Variable:
    """The new ``grad``: the old one, if there is one, plus a gradient; a Variable stays one."""
    if not leaf.dim() and gradient.device != leaf.device:
        gradient = gradient.to(leaf.device)  # of a number of the CPU that a GPU computes with
    if isinstance(gradient, Variable):
        if old is None:
            return gradient.clone()
        later = _adds_to_dense(old._data, gradient._data)
        return gradient.add(old) if later else old.add(gradient)
    assert old is not None
    if _adds_to_dense(old._data, gradient):
        return plain(gradient + old._data)
    _add_to(old, gradient)
    return old


def _add_to(old: Variable, gradient: Tensor) -> None:
    data = old._data
    if data.layout is torch.strided:
        # If not, expanded by the user: its elements share memory, and have no room for a sum.
        has_room = 0 not in data.stride() or data.numel() <= 1
    else:
        has_room = data.layout is torch.sparse_coo  # a compressed one has its leaf's indices
    if has_room:
        data.add_(gradient)
    else:
        old._data = data + gradient


def _adds_to_dense(old: Tensor, gradient: Tensor) -> bool:
    """Whether what is there is sparse and what arrives is not: torch can only add the other way."""
    return old.layout is not torch.strided and gradient.layout is torch.strided


def _for_changed_leaf(gradient: Any, leaf: Tensor, record: AccumulateGrad) -> Any:
    """The gradient of a leaf that has another dtype than the graph was told, if that is meant."""
    if record.has_own_dtype and leaf.shape == record._pg_shape:
        dtype = record._pg_dtype
        return gradient if dtype in (None, gradient.dtype) else gradient.to(dtype)
    kind = GradientDtypeError if gradient.shape == leaf.shape else GradientShapeError
    raise kind(
        f"a gradient of dtype {gradient.dtype} and shape {tuple(gradient.shape)} arrived at a leaf "
        f"of dtype {leaf.dtype} and shape {tuple(leaf.shape)}",
        where="the leaf's .data was replaced after it was used in this graph",
        fix="run forward again after the change of .data, then backward",
    )


def _own(held: list[Tensor], leaf: Tensor, shared: bool) -> Tensor:
    """The gradient held, in a buffer that only ``leaf``'s grad sees, with ``leaf``'s strides."""
    gradient = held.pop()
    if gradient.__class__ is not Tensor:
        gradient = without_class(gradient, with_rules=True)
    if not (gradient.is_cpu and leaf.is_cpu) and gradient.device != leaf.device:
        check_may_move(gradient, leaf)  # asked last: to make two devices takes longer
        return gradient.to(leaf.device)
    if not _both_contiguous(gradient, leaf):
        if not (gradient.layout is leaf.layout is torch.strided):
            return _of_its_own_layout(gradient, shared)
        if gradient.stride() != leaf.stride():
            return torch.empty_like(leaf, dtype=gradient.dtype).copy_(gradient)
    if shared:
        return gradient.clone()
    if not _is_seen(gradient):
        return gradient
    if gradient._is_view():
        # A view keeps its base, and so counts as two tensors that see the memory. A
        # detached view does not: then only a base that somebody else holds is left to
        # count.
        gradient = gradient.detach()
        if not _is_seen(gradient):
            return gradient
    return gradient.clone()


def check_may_move(gradient: Tensor, to: Tensor) -> None:
    """Raise GradientDeviceError for a gradient elsewhere than ``to``, its input, with dimensions.

    A GPU computes with 0-dim tensors of the CPU, too.
    """
    if to.dim():
        raise GradientDeviceError(
            f"a gradient is on {gradient.device}, its input of shape {tuple(to.shape)} on "
            f"{to.device}",
            where="the last backward before the input",
            fix="return the gradient on the device of the op's input",
        )


def _both_contiguous(gradient: Tensor, leaf: Tensor) -> bool:
    """As they nearly always are; this is cheaper than to ask for layouts and strides."""
    try:
        return gradient.is_contiguous() and leaf.is_contiguous()
    except RuntimeError:  # a compressed sparse one does not say
        return False


def _of_its_own_layout(gradient: Tensor, shared: bool) -> Tensor:
    """The gradient as it is, as in torch, since it or its leaf has no strides."""
    if gradient.layout is torch.strided and not gradient.is_contiguous():
        return gradient.contiguous()  # an expanded one could not be changed in place
    seen = shared or (gradient.layout is torch.sparse_coo and _parts_are_seen(gradient))
    return gradient.clone() if seen else gradient


def added(held: list[Any], gradient: Any, in_place: bool) -> Tensor:
    """The gradient in ``held``, a list of one, plus another.

    As in torch, the held gradient is changed in place if that is allowed and nobody else
    sees it: the sum of a residual block then needs no further memory.
    """
    old = held.pop()
    if (
        in_place
        and getrefcount(old) <= _SOLE_REFERENCES
        and old.__class__ is gradient.__class__ is Tensor
        and old.device == gradient.device
        and (old.is_contiguous() or _is_dense(old))
        and not _is_seen(old)
        and not old.is_inference()
    ):
        return old.add_(gradient)
    if _adds_to_dense(old, gradient):
        old, gradient = gradient, old
    total: Tensor = old + gradient
    return total


def _is_seen(tensor: Tensor) -> bool:
    """Whether others hold its memory: another tensor, or something outside Python."""
    return _storage_users(tensor) > _SOLE_USERS or _tensor_users(tensor) > 1


def _parts_are_seen(sparse: Tensor) -> bool:
    """The same of a sparse tensor's indices and values; or these could not be changed in place."""
    if not (sparse._indices().is_contiguous() and sparse._values().is_contiguous()):
        return True
    return _users_of_parts(sparse) > _SOLE_USERS_OF_PARTS


def _users_of_parts(sparse: Tensor) -> int:
    return max(_storage_users(sparse._indices()), _storage_users(sparse._values()))


def _storage_users(tensor: Tensor) -> int:
    """How many tensors see this memory (and Python's handle on it, if somebody asked for one)."""
    try:
        return _use_count(_address(tensor))
    except NotImplementedError:  # for example a batch of torch.vmap: somebody may see it
        return sys.maxsize


def _references(held: list[Any]) -> int:
    """What getrefcount returns, called as in ``accumulate``, for an object nobody else holds."""
    gradient = held.pop()
    return getrefcount(gradient)


_address: Callable[[Tensor], int] = torch._C._storage_address  # type: ignore[attr-defined]
_use_count: Callable[[int], int] = torch._C._storage_Use_Count
_is_dense = torch.ops.aten.is_non_overlapping_and_dense.default
#: What besides Python holds a tensor: DLPack, for instance.
_tensor_users = getattr(Tensor, "_use_count", lambda _: 1)
# Measured, not assumed: they depend on how the interpreter and torch count.
_SOLE_REFERENCES = _references([object()])
_SOLE_USERS = _storage_users(torch.empty(1))
_SOLE_USERS_OF_PARTS = _users_of_parts(torch.ones(1).to_sparse())
