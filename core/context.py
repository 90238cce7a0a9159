"""Context: what an op's forward leaves behind for its backward."""

from __future__ import annotations

from numbers import Number
from typing import TYPE_CHECKING, Any, NoReturn

import torch
from torch import Tensor

from plugrad.errors import (
    ContextError,
    GraphFreedError,
    SavedIntermediateError,
    SavedTensorChangedError,
)

NUMBERS = frozenset({int, float, complex, bool})


def _total_version(saved: tuple[Any, ...]) -> int:
    """The in-place counters of all tensors in ``saved``, added up.

    They only ever grow, so the sum has changed exactly if one of them has. A plain loop
    over exact classes, since this runs twice in every call of most ops.
    """
    total = 0
    for value in saved:
        kind = value.__class__
        if kind is Tensor:
            total += value._version
        elif value is not None and kind not in NUMBERS and not isinstance(value, Number):
            if not isinstance(value, Tensor):
                raise TypeError(kind.__name__)
            total += value._version
    return total


class Context:
    """The ``ctx`` of ``forward(ctx, ...)`` and ``backward(ctx, ...)``, as in torch.

    Any attribute may be set on it, except tensors: those go through
    ``save_for_backward``, so that an in-place change of them is noticed and so that
    they are freed with the graph.
    """

    __slots__ = ("__dict__", "__weakref__", "_saved", "_version", "needs_input_grad")

    #: The name errors call this op by; set by the op's own context class.
    _op_name: str = "?"
    #: One flag per positional argument of forward: does it need a gradient? For a list of
    #: tensors it is a tuple of flags, or False if none of them does.
    needs_input_grad: tuple[Any, ...]
    _saved: tuple[Any, ...] | None
    _version: int

    # Rare things live in the instance's dict; these are what a context has without them.
    _constants: frozenset[int] = frozenset()
    _dirty: tuple[Tensor, ...] = ()
    _materialize_grads: bool = True

    if TYPE_CHECKING:  # what forward sets is known only to backward

        def __getattr__(self, name: str) -> Any: ...
        def __setattr__(self, name: str, value: Any) -> None: ...

    def save_for_backward(self, *tensors: Tensor | complex | None) -> None:
        """Keep ``tensors`` for backward: inputs or outputs; or None or a number in their place.

        Raises:
            ContextError: anything else is saved, or a tensor of torch.inference_mode().
        """
        self._saved = tensors
        try:
            self._version = _total_version(tensors)
        except (TypeError, RuntimeError) as error:
            self._refuse_to_save(error)

    def mark_non_differentiable(self, *tensors: Tensor) -> None:
        """Say that no gradient flows through ``tensors``.

        They are outputs, or saved tensors that do not depend on the inputs (a random
        mask): such a one may take part in a second derivative as a constant.
        """
        self._constants = self._constants | {id(t) for t in tensors}

    def mark_dirty(self, *tensors: Tensor) -> None:
        """Say that forward changed these inputs in place; it must also return them."""
        self._dirty = (*self._dirty, *tensors)

    def set_materialize_grads(self, value: bool) -> None:
        """Whether backward gets zeros (True, the default) or None for an unused output."""
        self._materialize_grads = value

    @property
    def saved_tensors(self) -> tuple[Any, ...]:
        """What ``save_for_backward`` kept; Variables while a graph of backward is recorded.

        Raises:
            GraphFreedError: a backward has freed them already.
            SavedTensorChangedError: one was changed in place since.
            SavedIntermediateError: one is neither input nor output, in ``create_graph``.
        """
        saved = self._saved
        if saved is None:
            self._raise_freed()
        if saved and _total_version(saved) != self._version:
            self._raise_changed(saved)
        if torch.is_grad_enabled():
            return self._saved_variables(saved)
        return saved

    def _saved_variables(self, saved: tuple[Any, ...]) -> tuple[Any, ...]:
        raise NotImplementedError  # only a node in a graph knows where they came from

    def _refuse_to_save(self, error: Exception) -> NoReturn:
        self._saved = ()
        where = f"forward of {self._op_name}"
        if isinstance(error, TypeError):
            raise ContextError(
                f"save_for_backward takes tensors, numbers and None, not a {error}",
                where=where,
                fix="pass the tensors of a list one by one: ctx.save_for_backward(*tensors); "
                "set shapes and flags as attributes: ctx.dim = dim",
            ) from error
        raise ContextError(
            f"a tensor made in torch.inference_mode() cannot be saved for backward ({error})",
            where=where,
            fix="make the tensor outside inference_mode, or clone() it outside first",
        ) from error

    def _raise_freed(self) -> NoReturn:
        raise GraphFreedError(
            "the saved tensors of this graph were freed by an earlier backward",
            where=f"backward of {self._op_name}",
            fix="pass retain_graph=True to the first backward, or run forward again",
        )

    def _raise_changed(self, saved: tuple[Any, ...]) -> NoReturn:
        tensors = [f"{t.dtype} of shape {tuple(t.shape)}" for t in saved if isinstance(t, Tensor)]
        raise SavedTensorChangedError(
            f"a tensor that {self._op_name} saved for backward was changed in place since; it "
            f"saved: {', '.join(tensors)}",
            where=f"backward of {self._op_name}",
            fix="change a clone() of it instead, or change it after backward",
        )

    def _raise_intermediate(self, index: int, tensor: Tensor) -> NoReturn:
        raise SavedIntermediateError(
            f"saved tensor {index} of {self._op_name}, a {tensor.dtype} of shape "
            f"{tuple(tensor.shape)}, is neither an input nor an output of forward: "
            "its part of the second derivative would silently be zero",
            where=f"backward of {self._op_name}, with create_graph=True",
            fix="save inputs or outputs and compute it again in backward; or, if it does not "
            "depend on the inputs, call ctx.mark_non_differentiable(tensor)",
        )


class UntrackedContext(Context):
    """The context of a call that nothing will differentiate: it keeps no tensors."""

    __slots__ = ()

    def __init__(self, arguments: int) -> None:
        self.needs_input_grad = (False,) * arguments

    def save_for_backward(self, *tensors: Tensor | complex | None) -> None:
        """Keep nothing."""
