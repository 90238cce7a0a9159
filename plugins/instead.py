"""What to call instead of torch functions that cannot be ops.

Variable's own methods stand for the tensor methods of the same name. Functions about
graphs, functions or a tensor's memory cannot take a Variable; for each there is something
else to write.
"""

from __future__ import annotations

import re
from types import GetSetDescriptorType
from typing import TYPE_CHECKING, Any

import torch
import torch.overrides
from torch._ops import OpOverload, OpOverloadPacket

from plugrad.core.general_call import say_where_in_torch
from plugrad.core.twins import raw_argument
from plugrad.core.variable import Variable
from plugrad.plugins.registered_op import RESERVED

if TYPE_CHECKING:
    from collections.abc import Callable

_OF_GRAPHS, _OF_FUNCTIONS = "about graphs, not an op", "about functions, not an op"

#: Functions that are not ops, by the beginning of their names.
_INSTEAD = {
    "torch.autograd.grad": (_OF_GRAPHS, "call plugrad.grad with the same arguments"),
    "torch.autograd.backward": (_OF_GRAPHS, "call plugrad.backward with the same arguments"),
    "torch.autograd.functional.": (
        _OF_FUNCTIONS,
        "call plugrad.functional's function of the same name",
    ),
    "torch.autograd.forward_ad.": (
        _OF_GRAPHS,
        "call plugrad.forward_ad's function of the same name",
    ),
    "torch.autograd.": (_OF_GRAPHS, "pass x.data: it works on the graph of torch's own autograd"),
    "torch.jit.": (_OF_FUNCTIONS, "pass x.data: it compiles functions of tensors"),
    "torch.func.": (_OF_FUNCTIONS, "call plugrad.func's function of the same name"),
}

#: Functions about a tensor's memory, or that turn it into another kind of object.
_OF_TENSORS = {
    "apply_", "as_subclass", "const_data_ptr", "data_ptr", "dim_order", "is_shared", "map2_",
    "map_", "module_load", "resize", "resize_", "resize_as", "resize_as_",
    "resize_as_sparse_", "set_", "share_memory_", "sparse_resize_", "sparse_resize_and_clear_",
    "storage", "storage_type",
}  # fmt: skip

#: Functions about the names of dimensions, which torch's autograd mostly refuses too.
_OF_NAMES = {"align_as", "align_to", "names", "refine_names", "rename", "rename_"}

_ACCESSOR = re.compile(r"torch\.Tensor\.(\w+)\.__(get|set|delete)__")


def torch_name(function: Any) -> str:
    """How a torch callable is written: ``torch.autograd.grad``, ``torch.Tensor.data.__get__``."""
    if isinstance(function, OpOverload | OpOverloadPacket):
        return f"torch.ops.{function}"
    known: str | None = torch.overrides.resolve_name(function)
    if known:
        return known
    described = getattr(function, "__self__", None)  # of an accessor that torch does not list
    if isinstance(described, GetSetDescriptorType):
        return f"torch.Tensor.{described.__name__}.{function.__name__}"
    name = getattr(function, "__qualname__", None) or getattr(function, "__name__", None)
    if not name:
        return repr(function)
    owner = getattr(function, "__objclass__", None)  # a method of a class that is written in C
    module = getattr(function if owner is None else owner, "__module__", None)
    return f"{module}.{name}" if module else str(name)


def variables_own(name: str) -> Callable[..., Any] | None:
    """Variable's own method for a torch callable of this name: ``torch.Tensor.dim``."""
    accessor = _ACCESSOR.fullmatch(name)
    if accessor is not None:
        return _accessor(*accessor.groups()) if accessor[1] in RESERVED else None
    owner, _, last = name.rpartition(".")
    if owner in ("torch", "torch.Tensor") and last in RESERVED:
        return lambda x, *args, **kwargs: _call(x, last, *args, **kwargs)
    return None


def _call(x: Any, name: str, *args: Any, **kwargs: Any) -> Any:
    """The method of a Variable, or that of a tensor which is given Variables."""
    if isinstance(x, Variable):
        return getattr(x, name)(*args, **kwargs)
    if name in ("map_", "map2_"):  # elements of a Variable that requires grad are refused
        getattr(Variable(x), name)(*args, **kwargs)
        return x
    options = {key: raw_argument(value) for key, value in kwargs.items()}
    try:
        return getattr(x, name)(*map(raw_argument, args), **options)
    except (RuntimeError, TypeError) as error:
        say_where_in_torch(error, f"torch.Tensor.{name}", (x, *args), kwargs)
        raise


def _accessor(name: str, access: str) -> Callable[..., Any]:
    if access == "set":
        return lambda x, value: setattr(x, name, value)
    if access == "delete":
        return lambda x: delattr(x, name)
    return lambda x, *_: getattr(x, name)  # __get__ may be given the type, too


def instead_of_function(name: str) -> tuple[str, str] | None:
    """What a torch callable is that cannot take a Variable, and what to write instead.

    None if it can.
    """
    accessor = _ACCESSOR.fullmatch(name)
    if accessor is not None and accessor[2] != "get":
        spelled = {"set": f"x.data.{accessor[1]} = ...", "delete": f"del x.data.{accessor[1]}"}
        return "an attribute of a tensor, not an op", f"write {spelled[accessor[2]]}"
    for beginning, found in _INSTEAD.items():
        if name == beginning or (beginning[-1] == "." and name.startswith(beginning)):
            return found
    owner, _, last = name.rpartition(".")
    return instead_of_attribute(last) if owner == "torch.Tensor" else None


def instead_of_attribute(name: str) -> tuple[str, str] | None:
    """What a tensor method is that cannot take a Variable, and what to write instead."""
    if name in _OF_TENSORS and hasattr(torch.Tensor, name):
        return "about the tensor itself, not an op", f"call x.data.{name}(...)"
    if name in _OF_NAMES:
        say = f"x.data.{name}" if name == "names" else f"x.data.{name}(...)"
        return "about named tensors, and a Variable's dimensions have no names", f"write {say}"
    return None
