"""What may become the data of a Variable, or its grad."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NoReturn, cast

import torch
from torch import Tensor

from plugrad.core.context import batched_seen, instead_of_torchs_gradcheck, transform_depth
from plugrad.core.hooked import grad_dtype_of
from plugrad.core.tensor_facts import TensorFacts
from plugrad.errors import (
    DataLayoutError,
    DataTypeError,
    DetachError,
    GradientDeviceError,
    GradientDtypeError,
    GradientShapeError,
    GradientTypeError,
    LeafError,
    NotDifferentiableError,
    TorchGraphError,
)

if TYPE_CHECKING:
    from plugrad.core.variable import Variable


def as_tensor(data: object) -> Tensor:
    """The tensor that a Variable is made of: as given, or made from an array or numbers.

    Raises:
        DataTypeError, DetachError, TorchGraphError: as ``Variable`` does.
    """
    if isinstance(data, TensorFacts):
        variable = cast("Variable", data)
        if not variable.is_leaf:
            refuse_detaching(variable)
        return variable._data
    if not isinstance(data, Tensor):
        try:
            return torch.as_tensor(data)
        except (TypeError, ValueError, RuntimeError) as error:
            raise DataTypeError(
                f"Variable data has to be a tensor, but got {type(data).__name__}: {error}",
                fix="pass a torch tensor, a NumPy array, a number or nested lists of numbers",
            ) from error
    if data.requires_grad:
        raise TorchGraphError(
            "the tensor requires grad in torch's own autograd, which plugrad does not feed",
            where=f"a tensor of shape {tuple(data.shape)}",
            fix=instead_of_torchs_gradcheck() or "pass tensor.detach()",
        )
    if not batched_seen and transform_depth():
        batched_seen.append(True)
    return data if data.__class__ is Tensor else without_class(data)


def without_class(tensor: Tensor, with_rules: bool = False) -> Tensor:
    """``tensor`` as a plain one, if all that its class does is to be handed on to results.

    torch hands it on in forward, and never to gradients; a rule of ours would do that. A class
    that has rules for torch's functions only goes ``with_rules``; one that the dispatcher asks
    stays, and so does a torch Parameter, which is not handed on.
    """
    kind: Any = type(tensor)
    rules = getattr(kind.__torch_function__, "__func__", None)
    if rules is None or not (with_rules or rules is _HANDED_ON):
        return tensor
    if kind.__torch_dispatch__ is not Tensor.__torch_dispatch__:
        return tensor
    with torch._C.DisableTorchFunctionSubclass():
        return tensor.detach()


_HANDED_ON: Any = vars(Tensor)["__torch_function__"].__func__


def some_sparse(*values: Any) -> bool:
    """Whether a tensor of a sparse layout is among the values."""
    return any(isinstance(v, Tensor) and v.layout is not torch.strided for v in values)


def refuse_detaching(variable: Variable) -> NoReturn:
    """Raise DetachError."""
    raise DetachError(
        "a Variable that requires grad was turned into data, which would lose its graph",
        where=f"a Variable of shape {tuple(variable.shape)}"
        + ("" if variable.is_leaf else f" computed by {variable.grad_fn!r}"),
        fix="use it as it is; or, if no gradient is needed, call .detach() on it",
    )


def check_new_data(variable: Variable, data: Tensor, cast_with_grad: bool = False) -> None:
    """Raise the error for setting ``data`` of a Variable, if there is one.

    ``cast_with_grad`` says that its grad is about to get the same shape and dtype.
    """
    if not torch._has_compatible_shallow_copy_type(variable._data, data):
        raise DataLayoutError(
            f"incompatible tensor type: the data of a Variable with {variable.layout} on "
            f"{variable.device} was set to a tensor with {data.layout} on {data.device}",
            where=f"a Variable of shape {tuple(variable.shape)}",
            fix="make a new Variable of the tensor, or set data of the same layout",
        )
    if cast_with_grad or not variable.requires_grad:
        return
    what = f"a Variable of shape {tuple(variable.shape)} and dtype {variable.dtype}"
    if not (data.is_floating_point() or data.is_complex()):
        raise NotDifferentiableError(
            "data set to a tensor that requires gradients must be floating point or complex "
            f"dtype, not {data.dtype}",
            where=what,
            fix="set it to a floating-point or complex tensor, or call requires_grad_(False) first",
        )
    if data.shape == variable.shape and data.dtype is variable.dtype:
        return
    if variable.is_leaf and variable._grad is None:
        return
    raise LeafError(
        f"the data was set to dtype {data.dtype} and shape {tuple(data.shape)}, which is not that "
        + ("of grad" if variable.is_leaf else f"which {variable.grad_fn!r} computed"),
        where=what,
        fix="set grad to None first" if variable.is_leaf else "make a new Variable of the tensor",
    )


def check_new_grad(variable: Variable, grad: Variable) -> None:
    """Raise the error for setting ``grad``."""
    if not isinstance(grad, TensorFacts):
        raise GradientTypeError(
            f"assigned grad expected to be a Tensor or None but got grad of type "
            f"{type(grad).__name__}",
            fix="set it to a Variable, a tensor or None",
        )
    if grad is variable:
        raise GradientTypeError(
            "can't assign Variable as its own grad: backward would change the Variable itself",
            fix="set grad to a clone() of it",
        )
    if grad.shape != variable.shape:
        raise GradientShapeError(
            f"attempting to assign a gradient of size {list(grad.shape)} to a tensor of size "
            f"{list(variable.shape)}",
            fix="give it the Variable's shape",
        )
    dtype = grad_dtype_of(variable)
    if dtype is not None and grad.dtype is not dtype:
        own = "dtype" if dtype is variable.dtype else "grad_dtype"
        raise GradientDtypeError(
            f"attempting to assign a gradient with dtype {grad.dtype} to a tensor with {own} "
            f"{dtype}",
            fix=f"cast it with .to({dtype})",
        )
    if grad.device != variable.device:
        raise GradientDeviceError(
            f"attempting to assign a gradient on {grad.device} to a tensor on {variable.device}",
            fix=f"move it with .to({str(variable.device)!r})",
        )
