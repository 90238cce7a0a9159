"""ModuleFacts: what modules, optimizers and checkpoints ask of a tensor besides TensorFacts."""

from __future__ import annotations

import operator
from typing import TYPE_CHECKING, Any

import torch

from plugrad.core.hooked import extra_of
from plugrad.core.resolver import resolver
from plugrad.core.tensor_facts import TensorFacts
from plugrad.errors import ArgumentError, ModuleError, UnknownOpError

if TYPE_CHECKING:
    from torch import Tensor

    from plugrad.core.hooked import Extra
    from plugrad.core.variable import Variable

#: The NumPy functions that operators call for a NumPy number on their left.
_OPERATORS = {
    "add": operator.add,
    "subtract": operator.sub,
    "multiply": operator.mul,
    "divide": operator.truediv,
    "floor_divide": operator.floordiv,
    "remainder": operator.mod,
    "power": operator.pow,
    "equal": operator.eq,
    "not_equal": operator.ne,
    "less": operator.lt,
    "less_equal": operator.le,
    "greater": operator.gt,
    "greater_equal": operator.ge,
}


class ModuleFacts:
    """Answers from ``_data``, each as torch's would be."""

    __slots__ = ()

    _data: Tensor
    _extra: Extra | None

    # --- of its type ---
    def type(self, dtype: Any = None, non_blocking: bool = False) -> Any:
        """The name of the tensor type, ``torch.FloatTensor``; or a Variable of another type."""
        if dtype is None:
            return self._data.type()
        wanted: Any = self._data.new_empty(0).type(dtype)
        given: Any = self
        return given.to(wanted.device, wanted.dtype, non_blocking=non_blocking)

    def new_tensor(self, data: Any, **options: Any) -> Variable:
        """A leaf made from numbers or lists, with this dtype and on this device."""
        from plugrad.core.variable import Variable

        requires_grad = options.pop("requires_grad", False)
        if isinstance(data, TensorFacts):
            raise ArgumentError(
                "new_tensor() was given a Variable; it would make a copy without a graph",
                where=f"a Variable of shape {tuple(data.shape)}",
                fix="call clone() on it, or detach().clone() if no gradient is needed",
            )
        return Variable(self._data.new_tensor(data, **options), requires_grad)

    def untyped_storage(self) -> torch.UntypedStorage:
        """The storage of the elements."""
        return self._data.untyped_storage()

    def _typed_storage(self) -> Any:
        """What a DataLoader's worker uses to make shared memory."""
        data: Any = self._data  # torch gives it no type
        return data._typed_storage()

    def new(self, *args: Any, **options: Any) -> Variable:
        """A leaf with this dtype and device, from a size, numbers or a storage: torch's old way.

        A sparse one can also be made of indices and values, as SparseAdam does.
        """
        from plugrad.core.variable import plain

        if self._data.is_sparse and any(isinstance(a, ModuleFacts) for a in args):
            make = resolver().torch_function(torch.sparse_coo_tensor)
            return make(*args, dtype=self._data.dtype, device=self._data.device)  # type: ignore[no-any-return]
        return plain(self._data.new(*args, **options))

    # --- of a parameter ---
    @property
    def _is_param(self) -> bool:
        """Whether torch sees it as a torch.nn.Parameter: if that was called with a Variable."""
        return getattr(self._extra, "is_param", False)

    @_is_param.setter
    def _is_param(self, value: bool) -> None:
        extra_of(self).is_param = value

    @property
    def _is_buffer(self) -> bool:
        """Whether torch sees it as a torch.nn.Buffer: if that was called with a Variable."""
        return hasattr(self._extra, "persistent")

    @_is_buffer.setter
    def _is_buffer(self, value: bool) -> None:
        """What torch.nn.Buffer sets after ``persistent``, which says as much."""

    @property
    def persistent(self) -> bool:
        """Whether a module that has this torch.nn.Buffer saves it; only such a one has it."""
        if not self._is_buffer:
            raise UnknownOpError(
                "a Variable has no 'persistent' unless torch.nn.Buffer made it",
                where=f"a Variable of shape {tuple(self._data.shape)}",
                fix="call torch.nn.Buffer(variable); or module.register_buffer(name, variable, "
                "persistent=True)",
            )
        return self._extra.persistent  # type: ignore[union-attr]

    @persistent.setter
    def persistent(self, value: bool) -> None:
        extra_of(self).persistent = value

    def _use_count(self) -> int:
        """What torch.utils.swap_tensors asks for first.

        Raises:
            ModuleError: always.
        """
        raise ModuleError(
            "torch.utils.swap_tensors cannot swap Variables: it is for the memory of tensors",
            where=f"a Variable of shape {tuple(self._data.shape)}",
            fix="write x.data = y.data; or, if a module did it, "
            "torch.__future__.set_swap_module_params_on_conversion(False)",
        )

    # --- torch.distributed.checkpoint: the protocol _Checkpointable ---
    def __create_write_items__(self, fqn: str, _: object) -> list[Any]:
        from torch.distributed.checkpoint.planner_helpers import _create_write_items

        return _create_write_items(fqn, self._data)

    def __create_chunk_list__(self) -> list[Any]:
        from torch.distributed.checkpoint.planner_helpers import _create_chunk_list

        return _create_chunk_list(self._data)

    def __get_tensor_shard__(self, index: Any) -> Tensor:
        from torch.distributed.checkpoint.utils import find_tensor_shard

        return find_tensor_shard(self._data, index)

    # --- of NumPy ---
    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **options: Any) -> Any:
        """A function of arrays; with numbers beside a Variable, an operator is the op.

        Raises:
            ArgumentError: a Variable requires grad, and arrays would compute without a graph; or
                one is in ``out``.
        """
        operation, out = _OPERATORS.get(ufunc.__name__), options.get("out", ())
        numbers = all(isinstance(i, TensorFacts) or not getattr(i, "shape", ()) for i in inputs)
        if operation is not None and numbers and method == "__call__" and not options:
            return operation(*[_number(i) for i in inputs])
        if not (any(isinstance(o, TensorFacts) for o in out) or any(map(_needs_graph, inputs))):
            arrays = [i.numpy() if isinstance(i, TensorFacts) else i for i in inputs]
            result = getattr(ufunc, method)(*arrays, **options)
            return result if out else _as_variable(result)
        raise ArgumentError(
            f"{ufunc.__name__} was given a NumPy array beside a Variable"
            if any(hasattr(i, "__array_interface__") for i in inputs)
            else f"NumPy's {ufunc.__name__} was given a Variable",
            where=f"a call of numpy.{ufunc.__name__}",
            fix="make the array a tensor: torch.as_tensor(array), and call torch's function; or, "
            "if no gradient is needed, pass x.detach().numpy()",
        )

    def __array_wrap__(self, array: Any, context: Any = None, return_scalar: bool = False) -> Any:
        """What NumPy's other functions make of this: a Variable, as torch's is a tensor."""
        return _as_variable(array)


def _number(value: Any) -> Any:
    return value if isinstance(value, TensorFacts) else getattr(value, "item", lambda: value)()


def _needs_graph(value: Any) -> bool:
    return isinstance(value, TensorFacts) and torch.is_grad_enabled() and value.requires_grad


def _as_variable(result: Any) -> Any:
    """Arrays as Variables that share their memory."""
    from plugrad.core.variable import plain

    if isinstance(result, tuple):
        return tuple(map(_as_variable, result))
    return None if result is None else plain(torch.as_tensor(result))
