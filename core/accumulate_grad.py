"""AccumulateGrad: the end of the graph at a leaf, where its gradient is added up."""

from __future__ import annotations

import weakref
from sys import getrefcount
from threading import Lock
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from plugrad.core.node import Node, next_sequence_number
from plugrad.core.variable import Variable, plain
from plugrad.errors import GradientDeviceError

if TYPE_CHECKING:
    from plugrad.core.node import Edge

# Two threads may reach one leaf at the same time. One lock for all leaves: it is held
# for an addition, and a lock per leaf would cost more memory than waiting costs time.
_accumulating = Lock()


class AccumulateGrad(Node):
    """Adds what arrives to ``variable.grad``.

    It keeps the leaf alive and the leaf knows it only weakly, so there is no cycle. It is
    made when the leaf is first used, hence older than every node that uses the leaf, and
    so backward runs it after all of them.
    """

    __slots__ = ("variable",)

    _op_name = "AccumulateGrad"

    def __init__(self, variable: Variable) -> None:
        self.variable = variable
        self._edges = ()
        self._saved = ()
        self._shape = variable._data.shape
        self._dtype = variable._data.dtype
        self._sequence_number = next_sequence_number()

    def accumulate(self, held: list[Any]) -> None:
        """Add the gradient in ``held``, a list of one, which is emptied.

        The list is how the caller gives the gradient away: where nobody else can see
        the buffer it becomes ``grad`` itself, else a copy does, since a later in-place
        change of ``grad`` must not reach another gradient.
        """
        gradient = held.pop()
        with _accumulating:
            old = self.variable._grad
            if isinstance(gradient, Variable):  # create_graph: stay differentiable
                self.variable._grad = gradient.clone() if old is None else old.add(gradient)
            elif old is not None:
                old._data.add_(gradient)
            else:
                shared = getrefcount(gradient) > _SOLE_REFERENCES
                held.append(gradient)
                del gradient
                self.variable._grad = plain(_own(held, self.variable._data, shared))


def gradient_edge(variable: Variable) -> Edge:
    """Where gradients of ``variable`` go: (node, output number); None if nowhere."""
    if not variable._requires_grad:
        return None
    node = variable._grad_fn
    if node is not None:
        return node, variable._output_nr
    reference = variable._accumulator
    node = None if reference is None else reference()
    if node is None:
        node = AccumulateGrad(variable)
        variable._accumulator = weakref.ref(node)
    return node, 0


def _own(held: list[Tensor], leaf: Tensor, shared: bool) -> Tensor:
    """The gradient held, in a buffer that only ``leaf``'s grad sees, with ``leaf``'s strides."""
    gradient = held.pop()
    if gradient.device != leaf.device:
        raise GradientDeviceError(
            f"a gradient lies on {gradient.device}, its leaf of shape {tuple(leaf.shape)} on "
            f"{leaf.device}",
            where="the last backward before this leaf",
            fix="return the gradient on the device of the op's input",
        )
    if gradient.stride() != leaf.stride():
        return torch.empty_like(leaf).copy_(gradient)
    if not shared and gradient._is_view():
        # A view keeps its base, and so counts as two that see the memory. Detached it does
        # not: then only a base that somebody else holds is left to count.
        gradient = gradient.detach()
    return gradient.clone() if shared or _storage_users(gradient) > _SOLE_USERS else gradient


def _storage_users(tensor: Tensor) -> int:
    """How many tensors see this memory (and Python's handle on it)."""
    count: int = torch._C._storage_Use_Count(tensor.untyped_storage()._cdata)
    return count


def _references(held: list[Any]) -> int:
    """What getrefcount says, called as in ``accumulate``, of an object nobody else holds."""
    gradient = held.pop()
    return getrefcount(gradient)


# Measured, not assumed: they depend on how the interpreter and torch count.
_SOLE_REFERENCES = _references([object()])
_SOLE_USERS = _storage_users(torch.empty(1))
