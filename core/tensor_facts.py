"""TensorFacts: what a tensor says about itself and its memory; no gradients."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any, TypeVar, overload

import torch
from torch import Tensor
from torch.autograd.graph import increment_version

from plugrad.core.hooked import replace_data
from plugrad.core.who_reads import is_indexing, reader
from plugrad.errors import ConversionError, InplaceError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import numpy as np
    from typing_extensions import Self

_T = TypeVar("_T")
#: Not empty once a Variable was made a number where that is warned of.
_said: list[bool] = []


class TensorFacts:
    """Metadata and conversions of ``_data``, each returning what torch's would."""

    __slots__ = ()

    # So that NumPy leaves array * variable to us and does not compute without a graph.
    __array_priority__ = 1000

    _data: Tensor
    _requires_grad: bool
    requires_grad: bool | property

    # --- metadata ---
    @property
    def shape(self) -> torch.Size:
        """The size of each dimension."""
        return self._data.shape

    @property
    def dtype(self) -> torch.dtype:
        """The element type."""
        return self._data.dtype

    @property
    def device(self) -> torch.device:
        """The device of the elements."""
        return self._data.device

    @property
    def layout(self) -> torch.layout:
        """The memory layout, ``torch.strided`` for a dense tensor."""
        return self._data.layout

    @property
    def ndim(self) -> int:
        """The number of dimensions."""
        return self._data.ndim

    @property
    def itemsize(self) -> int:
        """Bytes per element."""
        return self._data.itemsize

    @property
    def nbytes(self) -> int:
        """Bytes of all elements."""
        return self._data.nbytes

    @property
    def is_cuda(self) -> bool:
        """Whether the elements are on a CUDA device."""
        return self._data.is_cuda

    @property
    def is_sparse(self) -> bool:
        """Whether the layout is sparse COO."""
        return self._data.is_sparse

    @overload
    def size(self, dim: None = None) -> torch.Size: ...
    @overload
    def size(self, dim: int) -> int: ...
    def size(self, dim: int | None = None) -> torch.Size | int:
        """The shape, or the size of dimension ``dim``."""
        return self._data.size() if dim is None else self._data.size(_raw(dim))

    @overload
    def stride(self, dim: None = None) -> tuple[int, ...]: ...
    @overload
    def stride(self, dim: int) -> int: ...
    def stride(self, dim: int | None = None) -> tuple[int, ...] | int:
        """Elements to step over for the next index of each dimension, or of ``dim``."""
        return self._data.stride() if dim is None else self._data.stride(_raw(dim))

    def dim(self) -> int:
        """The number of dimensions."""
        return self._data.dim()

    def ndimension(self) -> int:
        """The number of dimensions."""
        return self._data.dim()

    def numel(self) -> int:
        """The number of elements."""
        return self._data.numel()

    def nelement(self) -> int:
        """The number of elements."""
        return self._data.numel()

    def element_size(self) -> int:
        """Bytes per element."""
        return self._data.element_size()

    def storage_offset(self) -> int:
        """The index of the first element in its storage."""
        return int(self._data.storage_offset())

    def data_ptr(self) -> int:
        """The address of the first element."""
        return self._data.data_ptr()

    def is_contiguous(
        self, *, memory_format: torch.memory_format = torch.contiguous_format
    ) -> bool:
        """Whether the elements are in memory in the order of ``memory_format``."""
        return self._data.is_contiguous(memory_format=memory_format)

    def is_floating_point(self) -> bool:
        """Whether the dtype is a real floating-point one."""
        return self._data.is_floating_point()

    def is_complex(self) -> bool:
        """Whether the dtype is complex."""
        return self._data.is_complex()

    def is_conj(self) -> bool:
        """Whether the conjugate bit is set."""
        return self._data.is_conj()

    def is_neg(self) -> bool:
        """Whether the negative bit is set."""
        return self._data.is_neg()

    def is_inference(self) -> bool:
        """Whether it was made in inference mode."""
        return self._data.is_inference()

    def get_device(self) -> int:
        """The ordinal of the CUDA device, -1 on the CPU."""
        return self._data.get_device()

    # --- memory ---
    def is_shared(self) -> bool:
        """Whether other processes can share the memory."""
        data: Any = self._data  # torch gives it no type
        return bool(data.is_shared())

    def share_memory_(self) -> Self:
        """Move the elements into memory that other processes can share."""
        data: Any = self._data
        data.share_memory_()
        return self

    def set_(self, source: Any = None, *args: Any, **kwargs: Any) -> Self:
        """Take the memory and shape of ``source``, a tensor, a Variable or a storage.

        Raises:
            InplaceError: this Variable or ``source`` requires grad, but not in no_grad mode,
                where a leaf may.
        """
        _set(self, source, *args, **kwargs)
        return self

    def resize_(
        self, *size: Any, memory_format: torch.memory_format = torch.contiguous_format
    ) -> Self:
        """Change the shape; new elements, if it is larger, have any value.

        Raises:
            InplaceError: the Variable requires grad.
        """
        _resized(self, "resize_", *map(_raw, size), memory_format=memory_format)
        return self

    def resize_as_(
        self, other: Any, *, memory_format: torch.memory_format = torch.contiguous_format
    ) -> Self:
        """Change the shape to that of ``other``, as ``resize_`` does.

        Raises:
            InplaceError: the Variable requires grad.
        """
        _resized(self, "resize_as_", _raw(other), memory_format=memory_format)
        return self

    def apply_(self, function: Callable[[Any], Any]) -> Self:
        """Put ``function(element)`` in place of each element; slow, and on the CPU only.

        Raises:
            InplaceError: the Variable requires grad.
        """
        _called_for_elements(self, "apply_", function)
        return self

    def map_(self, other: Any, function: Callable[[Any, Any], Any]) -> Self:
        """Put ``function(element, other's element)`` in place of each element.

        Raises:
            InplaceError: one of the two requires grad.
        """
        _called_for_elements(self, "map_", other, function)
        return self

    def map2_(self, x: Any, y: Any, function: Callable[[Any, Any, Any], Any]) -> Self:
        """Put ``function(element, x's element, y's element)`` in place of each element.

        Raises:
            InplaceError: one of the three requires grad.
        """
        _called_for_elements(self, "map2_", x, y, function)
        return self

    # --- conversions ---
    def item(self) -> Any:
        """The single element as a Python number."""
        return self._data.item()

    def tolist(self) -> Any:
        """The elements as nested lists of Python numbers."""
        return self._data.tolist()

    def numpy(self, *, force: bool = False) -> np.ndarray[Any, Any]:
        """The elements as an array that shares their storage.

        Raises:
            ConversionError: the Variable requires grad and ``force`` is False, since
                what is computed on the array would have no gradient.
        """
        if self._requires_grad and torch.is_grad_enabled() and self.requires_grad and not force:
            raise ConversionError(
                "Can't call numpy() on Tensor that requires grad",
                where=f"a Variable of shape {tuple(self.shape)}",
                fix="Use tensor.detach().numpy() instead, or tensor.numpy(force=True)",
            )
        return self._data.numpy(force=force)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray[Any, Any]:
        array = self.numpy()
        if copy is None:
            return array if dtype is None else array.astype(dtype, copy=False)
        import numpy as np  # which is there: it calls this

        # NumPy 2 says so. Its own __array__ miscounts references to dtypes until 2.3.
        return np.array(array, dtype, copy=copy)

    def __dlpack__(self, **options: Any) -> Any:
        """The elements for readers of DLPack: torch.tensor, torch.as_tensor, from_dlpack."""
        if self._requires_grad and torch.is_grad_enabled() and self.requires_grad:
            raise self._not_exported(reader(1))
        return self._data.resolve_conj().resolve_neg().__dlpack__(**options)

    def _not_exported(self, read: tuple[str, str] | None) -> ConversionError:
        who = "torch.tensor(x), torch.as_tensor(x) and other readers of DLPack"
        fix = (
            "use tensor.detach() if no gradient is needed, as in torch.tensor(x.detach()); or "
            "use the Variable itself, or x.clone()"
        )
        if read is not None:
            who, fix = f"torch's {read[0]}, which does not ask for a gradient,", read[1]
        return ConversionError(
            f"Can't export tensors that require gradient: {who} would silently give a tensor "
            "without it",
            where=f"a Variable of shape {tuple(self.shape)}",
            fix=fix,
        )

    def __dlpack_device__(self) -> Any:
        return self._data.__dlpack_device__()

    def __len__(self) -> int:
        if not self._data.dim():
            raise ConversionError(
                "len() of a 0-d tensor",
                where="a Variable without dimensions, perhaps in a list of them",
                fix="x.item() is the number in it; torch.stack([x, y]) joins those of a list",
            )
        if is_indexing():  # else tensor[v] takes a short v for a tuple of numbers, or warns of it
            raise TypeError("a Variable is one index, not a tuple of them")
        return len(self._data)

    def __bool__(self) -> bool:
        return bool(self._data)

    def __int__(self) -> int:
        return int(self._data)

    def __float__(self) -> float:
        self._warn_of_number("float")
        return float(self._data)

    def __complex__(self) -> complex:
        self._warn_of_number("complex")
        return complex(self._data)

    def _warn_of_number(self, kind: str) -> None:
        """Once per process, as torch does."""
        if _said and not torch.is_warn_always_enabled():
            return
        if self._requires_grad and torch.is_grad_enabled() and self.requires_grad:
            _said.append(True)
            warnings.warn(
                f"a Variable that requires grad was converted to a {kind}, by {kind}() or a "
                "function of math: what is computed from the number has no gradient; use torch's "
                "functions, or .detach() first",
                UserWarning,
                stacklevel=3,
            )

    def __index__(self) -> int:
        return self._data.__index__()

    def __contains__(self, element: object) -> bool:
        if isinstance(element, TensorFacts):
            element = element._data
        return element in self._data

    def __iter__(self: _T) -> Iterator[_T]:
        if not self._data.dim():  # type: ignore[attr-defined]
            raise TypeError("iteration over a 0-d tensor")
        return iter(self.unbind(0))  # type: ignore[attr-defined]

    def __format__(self, spec: str) -> str:
        if self._data.dim() == 0:
            return self._data.item().__format__(spec)
        return object.__format__(self, spec)


def _raw(value: Any) -> Any:
    return value._data if isinstance(value, TensorFacts) else value


def _refuse_gradient(x: Any, name: str, *others: Any, leaf_may: bool = False) -> None:
    """Raise InplaceError if a change that has no gradient meets something that requires grad."""
    for value in (x, *others):
        tracked = isinstance(value, TensorFacts) and value.requires_grad
        if tracked and not (leaf_may and value.is_leaf):
            raise InplaceError(
                f"{name} was called {'on' if value is x else 'with'} a Variable that requires "
                "grad, and has no gradient",
                where=f"a Variable of shape {tuple(x.shape)}",
                fix="call it on x.detach(), which shares the memory and has a shape of its own"
                if value is x
                else "pass .detach() of it",
            )


def check_inference(tensor: Tensor, name: str) -> None:
    """Raise InplaceError if a tensor of inference mode would be changed in place outside it."""
    if tensor.is_inference() and not torch.is_inference_mode_enabled():
        raise InplaceError(
            f"Inplace update to inference tensor outside InferenceMode is not allowed: {name}",
            where=f"a call of {name}",
            fix="change a clone() of it, or do it in plugrad.inference_mode()",
        )


def _set(x: Any, source: Any, *args: Any, **kwargs: Any) -> None:
    check_inference(x._data, "set_")
    if torch.is_grad_enabled():
        _refuse_gradient(x, "set_", source)
    else:
        _refuse_gradient(x, "set_", leaf_may=True)
    made = x._data.new_empty(0)
    made.set_(*([] if source is None else [_raw(source)]), *map(_raw, args), **kwargs)
    if isinstance(_raw(source), Tensor) and not (args or kwargs):
        made = _raw(source).detach()  # the same, but a change of either is counted for both
    requires_grad = x.requires_grad
    if not x._data.is_inference():
        increment_version(x._data)  # as torch counts it
    replace_data(x, made)
    if x._extra is not None and x._extra.view is not None:
        x._extra.view = None  # it has memory of its own
        x._requires_grad = requires_grad


def _resized(x: Any, name: str, *args: Any, **kwargs: Any) -> None:
    in_inference = x._data.is_inference() and torch.is_inference_mode_enabled()
    _refuse_gradient(x, name, leaf_may=in_inference and x._grad is None)
    # Another tensor object, since a record may have saved the old one.
    made = x._data.view_as(x._data)
    getattr(made, name)(*args, **kwargs)
    replace_data(x, made)
    if x._extra is not None and x._extra.view is not None:
        x._extra.view.base_data = None  # it cannot be made from its base any more


def _called_for_elements(x: Any, name: str, *args: Any) -> None:
    _refuse_gradient(x, name, *args)
    getattr(x._data, name)(*map(_raw, args))
    if not x._data.is_inference():
        increment_version(x._data)  # torch forgets this: what was saved would be wrong
