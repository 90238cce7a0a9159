"""Variable: a torch tensor, its gradient, and the node that made it."""

from __future__ import annotations

import weakref
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from plugrad.core.attached_methods import AttachedMethods
from plugrad.core.resolver import resolver
from plugrad.core.tensor_facts import TensorFacts
from plugrad.errors import (
    DataTypeError,
    GradientDtypeError,
    GradientShapeError,
    GradientTypeError,
    LeafError,
    NotDifferentiableError,
    TorchGraphError,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from typing_extensions import Self

    from plugrad.core.node import Node


class Variable(TensorFacts, AttachedMethods):
    """A tensor that remembers how it was computed, so that ``backward`` can differentiate it.

    Args:
        data: a torch tensor, whose storage is shared; or an array, number or nested
            list that ``torch.as_tensor`` takes.
        requires_grad: whether gradients with respect to this leaf are wanted.

    Operators and methods (``x * y``, ``x.sin()``) are not written here: the registry
    attaches them from the ops. ``torch.sin(x)`` finds the same ops.

    Raises:
        DataTypeError: ``data`` is nothing a tensor can be made from.
        NotDifferentiableError: ``requires_grad`` with an integer or boolean dtype.
        TorchGraphError: ``data`` is part of a graph of torch's own autograd.
    """

    # One word each, no dict: a graph holds many of these.
    __slots__ = (
        "__weakref__",
        "_accumulator",
        "_data",
        "_grad",
        "_grad_fn",
        "_output_nr",
        "_requires_grad",
    )

    _accumulator: weakref.ref[Node] | None
    _data: Tensor
    _grad: Variable | None
    _grad_fn: Node | None
    _output_nr: int
    _requires_grad: bool

    def __init__(self, data: object, requires_grad: bool = False) -> None:
        self._data = _as_tensor(data)
        self._grad = None
        self._grad_fn = None
        self._output_nr = 0
        self._requires_grad = False
        self._accumulator = None
        if requires_grad:
            self.requires_grad_()

    # --- what it is ---
    @property
    def data(self) -> Tensor:
        """The torch tensor; changing it in place is noticed by ops that saved it."""
        return self._data

    @data.setter
    def data(self, data: object) -> None:
        self._data = _as_tensor(data)

    @property
    def grad(self) -> Variable | None:
        """The accumulated gradient, of the shape of ``data``; None before any backward."""
        return self._grad

    @grad.setter
    def grad(self, grad: Variable | Tensor | None) -> None:
        if isinstance(grad, Tensor):
            grad = Variable(grad)
        if grad is not None and not isinstance(grad, Variable):
            raise GradientTypeError(
                f"grad was set to a {type(grad).__name__}",
                fix="set it to a Variable, a tensor or None",
            )
        if grad is not None and grad.shape != self.shape:
            raise GradientShapeError(
                f"grad was set to shape {tuple(grad.shape)} on a Variable of shape "
                f"{tuple(self.shape)}",
                fix="give it the Variable's shape",
            )
        if grad is not None and grad.dtype is not self.dtype:
            raise GradientDtypeError(
                f"grad was set to dtype {grad.dtype} on a Variable of dtype {self.dtype}",
                fix=f"cast it with .to({self.dtype})",
            )
        self._grad = grad

    @property
    def grad_fn(self) -> Node | None:
        """The node that computed this Variable; None for a leaf."""
        return self._grad_fn

    @property
    def output_nr(self) -> int:
        """Which output of ``grad_fn`` this is."""
        return self._output_nr

    @property
    def is_leaf(self) -> bool:
        """Whether no recorded op computed this Variable."""
        return self._grad_fn is None

    @property
    def retains_grad(self) -> bool:
        """Whether this is a non-leaf whose gradient backward will keep."""
        node = self._grad_fn
        retained = None if node is None else node._retained
        reference = None if retained is None else retained.get(self._output_nr)
        return reference is not None and reference() is self

    @property
    def requires_grad(self) -> bool:
        """Whether gradients flow to this Variable."""
        return self._requires_grad

    @requires_grad.setter
    def requires_grad(self, value: bool) -> None:
        self.requires_grad_(value)

    def requires_grad_(self, requires_grad: bool = True) -> Self:
        """Set ``requires_grad`` of a leaf; returns self.

        Raises:
            NotDifferentiableError: of an integer or boolean dtype.
            LeafError: False for a non-leaf.
        """
        if requires_grad and not (self._data.is_floating_point() or self._data.is_complex()):
            raise NotDifferentiableError(
                f"a Variable of dtype {self._data.dtype} cannot require grad",
                where=f"a Variable of shape {tuple(self.shape)}",
                fix="use a floating-point or complex tensor, e.g. data.double()",
            )
        if not requires_grad and self._grad_fn is not None:
            raise LeafError(
                "requires_grad can be turned off only for a leaf",
                where=f"a Variable computed by {self._grad_fn!r}",
                fix="use .detach() to get a Variable without a graph",
            )
        self._requires_grad = bool(requires_grad)
        return self

    # --- gradients ---
    def backward(
        self,
        gradient: Variable | Tensor | None = None,
        retain_graph: bool | None = None,
        create_graph: bool = False,
        inputs: Variable | Sequence[Variable] | None = None,
    ) -> None:
        """Add the gradient of this Variable with respect to the leaves to their ``grad``.

        Args:
            gradient: the cotangent, of this Variable's shape and dtype; may be left out
                for a single element, where it is 1.
            retain_graph: keep the saved tensors for another backward; by default the
                value of ``create_graph``.
            create_graph: record the backward, so that the gradients can be differentiated.
            inputs: only these get a gradient, leaves or not; by default every leaf.
        """
        # The engine stands on Variable, so it can be named only when it is needed.
        from plugrad.core.engine import backward

        backward(self, gradient, retain_graph, create_graph, inputs=inputs)

    def detach(self) -> Variable:
        """The same data without a graph, as a new leaf that does not require grad."""
        return Variable(self._data)

    def retain_grad(self) -> None:
        """Let backward keep the gradient of this non-leaf in ``grad``; no effect on a leaf.

        Raises:
            LeafError: the Variable does not require grad.
        """
        if not self._requires_grad:
            raise LeafError(
                "retain_grad() was called on a Variable that does not require grad",
                fix="compute it from a Variable with requires_grad=True",
            )
        node = self._grad_fn
        if node is not None:
            node._retained = {**(node._retained or {}), self._output_nr: weakref.ref(self)}

    def zero_grad(self) -> None:
        """Forget the gradient: ``grad`` becomes None."""
        self._grad = None

    # --- how others see it ---
    if not TYPE_CHECKING:  # to type checkers, AttachedMethods says what there is

        def __getattr__(self, name: str) -> Any:
            return resolver().attribute(self, name)

    @classmethod
    def __torch_function__(
        cls,
        func: Callable[..., Any],
        types: Sequence[type],
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:
        """How torch's own functions reach the ops."""
        return resolver().torch_function(func)(*args, **(kwargs or {}))

    __hash__ = object.__hash__  # by identity: == is an op and compares elements

    def __repr__(self) -> str:
        head, name = "tensor(", "Variable("
        indents = ("\n" + " " * len(head), "\n" + " " * len(name))
        body = repr(self._data)[len(head) : -1].replace(*indents)
        if self._grad_fn is not None:
            body += f", grad_fn={self._grad_fn!r}"
        elif self._requires_grad:
            body += ", requires_grad=True"
        return f"{name}{body})"

    def __reduce_ex__(self, protocol: object) -> tuple[Any, ...]:
        if self._grad_fn is not None:
            raise LeafError(
                "only a leaf can be copied or pickled: a graph cannot",
                where=f"a Variable computed by {self._grad_fn!r}",
                fix="copy or pickle .detach() of it",
            )
        return _rebuild_leaf, (type(self), self._data, self._requires_grad, self._grad)


def recorded(data: Tensor, node: Node, output_nr: int) -> Variable:
    """The Variable of output ``output_nr`` of ``node``."""
    variable = _new(Variable)
    variable._data = data
    variable._grad = None
    variable._grad_fn = node
    variable._output_nr = output_nr
    variable._requires_grad = True
    return variable


def plain(data: Tensor) -> Variable:
    """A Variable without a graph, of a tensor that needs no check."""
    variable = _new(Variable)
    variable._data = data
    variable._grad = variable._grad_fn = variable._accumulator = None
    variable._output_nr = 0
    variable._requires_grad = False
    return variable


_new = object.__new__


def _rebuild_leaf(
    kind: type[Variable], data: Tensor, requires_grad: bool, grad: Variable | None
) -> Variable:
    leaf = kind(data, requires_grad)
    leaf._grad = grad
    return leaf


def _as_tensor(data: object) -> Tensor:
    if isinstance(data, Variable):
        return data._data
    if not isinstance(data, Tensor):
        try:
            return torch.as_tensor(data)
        except (TypeError, ValueError, RuntimeError) as error:
            raise DataTypeError(
                f"a Variable cannot be made from a {type(data).__name__}: {error}",
                fix="pass a torch tensor, a NumPy array, a number or nested lists of numbers",
            ) from error
    if data.requires_grad:
        raise TorchGraphError(
            "the tensor requires grad in torch's own autograd, which plugrad does not feed",
            where=f"a tensor of shape {tuple(data.shape)}",
            fix="pass tensor.detach()",
        )
    return data
