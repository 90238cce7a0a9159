"""Variable: a torch tensor, its gradient, and the edge to the call that made it."""

from __future__ import annotations

import sys
import warnings
from copy import deepcopy
from html import escape
from typing import TYPE_CHECKING, Any, ClassVar, NoReturn

import torch
from torch import Tensor

from plugrad.core.attached_methods import AttachedMethods
from plugrad.core.context import whole
from plugrad.core.data import as_tensor, check_new_data, check_new_grad, refuse_detaching
from plugrad.core.execution_engine import ExecutionEngine
from plugrad.core.hooked import Hooked, current_edge, replace_data, version_of, with_attributes
from plugrad.core.module_facts import ModuleFacts
from plugrad.core.older_forms import any_own_rules
from plugrad.core.resolver import resolver
from plugrad.core.tensor_facts import TensorFacts
from plugrad.core.who_asks import TellsTensor
from plugrad.errors import ArgumentError, InplaceError, LeafError, NotDifferentiableError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from typing_extensions import Self

    from plugrad.core.grad_fn import Node
    from plugrad.core.hooked import Extra
    from plugrad.core.node import Edge


class Variable(TensorFacts, ModuleFacts, Hooked, TellsTensor, AttachedMethods):
    """A tensor that remembers how it was computed, so that ``backward`` can differentiate it.

    Args:
        data: a torch tensor, whose storage is shared; or an array, number or nested
            list that ``torch.as_tensor`` takes.
        requires_grad: whether gradients with respect to this leaf are wanted.

    Operators and methods (``x * y``, ``x.sin()``) are not written here: the registry
    attaches them from the ops. ``torch.sin(x)`` finds the same ops. Attributes of your own
    can be set on a Parameter, or on a subclass; a Function finds them on the tensors it is given.

    Raises:
        DataTypeError: no tensor can be made from ``data``.
        NotDifferentiableError: ``requires_grad`` with an integer or boolean dtype.
        DetachError: ``data`` is a Variable that an op computed, whose graph would be lost.
        TorchGraphError: ``data`` is part of a graph of torch's own autograd.
    """

    # Slots, not a dict: a graph holds many of these.
    __slots__ = ("__weakref__", "_data", "_edge", "_extra", "_grad", "_requires_grad")

    _execution_engine = ExecutionEngine()
    #: The engine's ``backward``. The engine, which is built on Variable, sets it.
    _run_backward: ClassVar[Callable[..., None]]

    _data: Tensor
    #: Where gradients go, if that is known at once: None for leaves and views, for which
    #: ``edge_of`` must be asked. Nothing else reads it without asking.
    _edge: Edge | None
    _extra: Extra | None
    _grad: Variable | None
    #: Whether there may be an edge; for a view of something without a gradient, ask edge_of.
    _requires_grad: bool

    #: Whether forward mode knows a tangent of it that may change: see functional/duals.py.
    _is_dual: ClassVar[bool] = False

    def __init__(self, data: object, requires_grad: bool = False) -> None:
        self._data = with_attributes(self, as_tensor(data))
        self._grad = self._edge = self._extra = None
        self._requires_grad = False
        if requires_grad is not False:
            self.requires_grad_(requires_grad)

    # --- what it is ---
    @property
    def data(self) -> Tensor:
        """The torch tensor; changing it in place is noticed by ops that saved it."""
        return self._data

    @data.setter
    def data(self, data: object) -> None:
        """Replace the tensor, regardless of what was computed from the old one.

        Raises:
            DetachError: ``data`` is another Variable, which requires grad.
            NotDifferentiableError: an integer tensor for a Variable that requires grad.
            LeafError: the shape or dtype differs from that of ``grad``, or from an op's output.
            DataLayoutError: one of the two tensors is sparse, and the other is not.
        """
        if data is self:  # module.float() of a float32 module
            return
        if isinstance(data, Variable) and data.requires_grad:
            refuse_detaching(data)
        tensor = as_tensor(data)
        check_new_data(self, tensor, sys._getframe(1).f_code is _MODULE_APPLY)
        replace_data(self, tensor)

    @property
    def grad(self) -> Variable | None:
        """The accumulated gradient, of the shape of ``data``; None before any backward."""
        grad = self._grad
        if grad is None and self._requires_grad and not (self.is_leaf or self.retains_grad):
            warnings.warn(
                "the .grad of a Variable that is not a leaf was read: backward does not keep it; "
                "call .retain_grad() on it before backward",
                UserWarning,
                stacklevel=2,
            )
        return grad

    @grad.setter
    def grad(self, grad: Variable | Tensor | None) -> None:
        if isinstance(grad, Tensor):
            grad = Variable(grad)
        if grad is not None:
            check_new_grad(self, grad)
        self._grad = grad

    @grad.deleter
    def grad(self) -> None:
        self._grad = None

    @property
    def grad_fn(self) -> Node | None:
        """The node that computed this Variable; None for a leaf."""
        if not self._requires_grad:
            return None
        from plugrad.core.accumulate_grad import AccumulateGrad, edge_of
        from plugrad.core.grad_fn import node_of
        from plugrad.core.node import ends

        edge = self._edge
        if edge is None and self._extra is not None and self._extra.view is not None:
            edge = edge_of(self)
        if edge is None or edge.__class__ is AccumulateGrad:
            return None
        record, _ = ends(edge)
        if record._pg_outputs is None:  # an edge made from the node cannot tell otherwise
            record._pg_device = self._data.device
        return node_of(record)

    @property
    def output_nr(self) -> int:
        """Which output of ``grad_fn`` this is."""
        return getattr(self._edge or current_edge(self), "number", 0)

    @property
    def is_leaf(self) -> bool:
        """Whether no recorded op computed this Variable."""
        return self._edge is None and self.grad_fn is None

    @property
    def requires_grad(self) -> bool:
        """Whether gradients flow to this Variable."""
        if self._edge is not None or not self._requires_grad:
            return self._requires_grad
        view = None if self._extra is None else self._extra.view
        if view is None or view.is_leaf or view.base.requires_grad:
            return True
        if view.edge is None:
            return False
        # After a change of its constant base, one that may not be changed is an error when used.
        return bool(view.reason) or view.version == whole(self._data)._version

    @requires_grad.setter
    def requires_grad(self, value: bool) -> None:
        """As ``requires_grad_``, but for leaves alone: what is set elsewhere would be lost."""
        if value is True and not self.is_leaf:
            self._refuse_flag()
        self.requires_grad_(value)

    def _refuse_flag(self) -> NoReturn:
        raise LeafError(
            "you can only change requires_grad flags of leaf variables",
            where=f"a Variable computed by {self.grad_fn!r}",
            fix="use .detach() to get a Variable without a graph",
        )

    def requires_grad_(self, requires_grad: bool = True) -> Self:
        """Set ``requires_grad`` of a leaf; returns self.

        Raises:
            ArgumentError: ``requires_grad`` is not a bool.
            NotDifferentiableError: the dtype is integer or boolean.
            LeafError: ``requires_grad`` is False, and this is not a leaf.
        """
        if not isinstance(requires_grad, bool):
            raise ArgumentError(
                f"requires_grad must be a bool, not {type(requires_grad).__name__}",
                fix="pass True or False",
            )
        if requires_grad and not (self._data.is_floating_point() or self._data.is_complex()):
            raise NotDifferentiableError(
                "only Tensors of floating point or complex dtype can require gradients, not "
                f"{self._data.dtype}",
                where=f"a Variable of shape {tuple(self.shape)}",
                fix="use a floating-point or complex tensor, e.g. data.double()",
            )
        if requires_grad and self._data.is_inference() and not torch.is_inference_mode_enabled():
            raise NotDifferentiableError(
                "Setting requires_grad=True on inference tensor outside InferenceMode is not "
                "allowed",
                where=f"a Variable of shape {tuple(self.shape)}",
                fix="use a clone() made outside inference_mode()",
            )
        if not requires_grad and not self.is_leaf:
            self._refuse_flag()
        view = None if self._extra is None else self._extra.view
        if view is None:
            self._requires_grad = requires_grad
        elif self.is_leaf:
            view.is_leaf = requires_grad
        return self

    @property
    def _version(self) -> int:
        """How often the data was changed in place, by anything that shares its memory."""
        if self._data.is_inference():
            raise InplaceError(
                "Inference tensors do not track version counter.",
                where=f"a Variable of shape {tuple(self.shape)}",
                fix="use a clone() made outside inference_mode()",
            )
        return version_of(self)

    @property
    def _base(self) -> Variable | None:
        """The Variable that this is a view of."""
        return None if self._extra is None or self._extra.view is None else self._extra.view.base

    def _is_view(self) -> bool:
        return self._base is not None

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
        self._run_backward(gradient, retain_graph, create_graph, inputs=inputs)

    def detach(self) -> Variable:
        """The same data without a graph, as a new leaf that does not require grad.

        It shares memory; ops that saved one notice a change through the other.
        """
        return plain(self._data.detach())

    def detach_(self) -> Self:
        """Forget the graph, in place: this becomes a leaf that does not require grad.

        Raises:
            LeafError: this is a view, whose base would still have the graph.
        """
        if self._is_view():
            raise LeafError(
                "Can't detach views in-place",
                where=f"a Variable of shape {tuple(self.shape)}",
                fix="use .detach(), or detach_() its base",
            )
        self._edge = None
        self._requires_grad = False
        return self

    def zero_grad(self) -> None:
        """Forget the gradient: ``grad`` becomes None."""
        self._grad = None

    # --- how others see it ---
    if not TYPE_CHECKING:  # for type checkers, AttachedMethods lists the attributes

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
        if len(types) > 1 and any_own_rules(types):
            return NotImplemented
        if not kwargs:
            return resolver().torch_function(func)(*args)
        out, fall_back = kwargs.get("out"), resolver().fall_back
        if fall_back is not None and out is not None and not _recorded((*args, out)):
            return fall_back(func, *args, **kwargs)
        return resolver().torch_function(func)(*args, **kwargs)

    __hash__ = object.__hash__  # by identity: == is an op and compares elements

    def __repr__(self) -> str:
        head, name = "tensor(", "Variable("
        indents = ("\n" + " " * len(head), "\n" + " " * len(name))
        body = repr(self._data)[len(head) : -1].replace(*indents)
        return f"{name}{body}{self._repr_of_graph()})"

    def _repr_of_graph(self) -> str:
        maker = _maker_of(self)
        if maker is not None:
            return f", grad_fn={maker}"
        return ", requires_grad=True" if self.requires_grad else ""

    def _repr_html_(self) -> str:
        """What a notebook shows: the numbers, and below them shape, dtype and origin."""
        maker = _maker_of(self)
        leaf = ", a leaf that requires grad" if maker is None and self.requires_grad else ""
        made = leaf if maker is None else f", made by {maker}"
        about = f"{list(self._data.shape)}, {self._data.dtype}, {self._data.device}{made}"
        return f"<pre>{escape(repr(self))}</pre><small>{escape(about)}</small>"

    def __deepcopy__(self, memo: dict[int, Any]) -> Variable:
        if not self.is_leaf:
            raise LeafError(
                "Only Tensors created explicitly by the user (graph leaves) support the deepcopy "
                "protocol at the moment: a graph cannot be copied",
                where=f"a Variable computed by {self.grad_fn!r}",
                fix="copy .detach() of it",
            )
        rebuild, made, *notes = self.__reduce_ex__(4)
        # torch.nn.Parameter's copy has none: a copied model's first backward would add to it.
        grad = None if self._is_param else self._grad
        copied: Variable = rebuild(*deepcopy((*made, grad), memo))
        for name, value in deepcopy(notes[0] if notes else {}, memo).items():
            setattr(copied, name, value)
        return copied

    def __reduce_ex__(self, protocol: object) -> tuple[Any, ...]:
        """As torch's: a leaf with the same numbers but no grad, that requires grad if this does."""
        kind = Parameter if self._is_param and type(self) is Variable else type(self)
        notes = getattr(self, "__dict__", None)
        # An alias has no attributes, which would be copied twice.
        made = (kind, self._data.detach() if notes else self._data, self.requires_grad)
        return (_rebuild_leaf, made, notes) if notes else (_rebuild_leaf, made)


class Parameter(Variable):
    """A leaf that requires grad by default: what a model learns.

    Attributes of your own may be set on it, as on torch's; copies and pickles keep them.
    """

    __slots__ = ("__dict__",)

    _is_param = True  # this makes torch see it as a torch.nn.Parameter

    def __init__(self, data: object, requires_grad: bool = True) -> None:
        super().__init__(data, requires_grad)

    def detach(self) -> Variable:
        """The same data without a graph; a Parameter if torch.nn.Parameter asks."""
        if sys._getframe(1).f_code is _NN_PARAMETER:
            return Parameter(self._data.detach(), requires_grad=False)
        return super().detach()

    def __repr__(self) -> str:
        return f"Parameter containing:\n{super().__repr__()}"


_NN_PARAMETER = torch.nn.Parameter.__new__.__code__
#: What ``module.half()`` runs; it casts the grad right after the data.
_MODULE_APPLY = torch.nn.Module._apply.__code__


def _maker_of(variable: Variable) -> str | None:
    try:
        return None if variable.grad_fn is None else repr(variable.grad_fn)
    except InplaceError:  # a view that is not valid any more
        return "<Invalid>"


def recorded(data: Tensor, edge: Edge) -> Variable:
    """A Variable whose gradient goes along ``edge``."""
    variable = _new(Variable)
    variable._data = data
    variable._grad = variable._extra = None
    variable._edge = edge
    variable._requires_grad = True
    return variable


def plain(data: Tensor) -> Variable:
    """A Variable without a graph, from a tensor that needs no check."""
    variable = _new(Variable)
    variable._data = data
    variable._grad = variable._edge = variable._extra = None
    variable._requires_grad = False
    return variable


def _recorded(values: Sequence[Any]) -> bool:
    """Whether a call with these arguments, which may be lists of Variables, is recorded."""
    return torch.is_grad_enabled() and any(
        value.requires_grad
        if isinstance(value, Variable)
        else isinstance(value, list | tuple) and _recorded(value)
        for value in values
    )


_new = object.__new__


def _rebuild_leaf(
    kind: type[Variable], data: Tensor, requires_grad: bool, grad: Variable | None = None
) -> Variable:
    leaf = kind(data, requires_grad)
    leaf._grad = grad
    return leaf
