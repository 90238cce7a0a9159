"""What to call instead of something of torch's that no op stands for.

Not everything that takes a tensor could be an op. An attribute, a hook, a change in place, a
question whose answer is not a tensor: for each kind there is something else to write.
"""

from __future__ import annotations

import re
from operator import attrgetter
from types import GetSetDescriptorType
from typing import Any

import torch
import torch.overrides

from plugrad.core.variable import Variable

_OF_GRAPHS, _OF_FUNCTIONS = "about graphs, not an op", "about functions, not an op"

#: What is not an op by the beginning of its name.
_INSTEAD = {
    "torch.autograd.grad": (_OF_GRAPHS, "call plugrad.grad with the same arguments"),
    "torch.autograd.backward": (_OF_GRAPHS, "call plugrad.backward with the same arguments"),
    "torch.autograd.": (_OF_GRAPHS, "pass x.data: it works on the graph of torch's own autograd"),
    "torch.jit.": (_OF_FUNCTIONS, "pass x.data: it compiles functions of tensors"),
    "torch.func.": (_OF_FUNCTIONS, "pass x.data: it transforms functions of tensors"),
    "torch.nn.init.": ("a change in place, not an op", "pass x.data: it fills a tensor"),
}

#: What is about a tensor's memory, or makes another kind of object of it.
_OF_TENSORS = {
    "apply_", "as_subclass", "const_data_ptr", "data_ptr", "dim_order", "is_shared", "map2_",
    "map_", "module_load", "new", "new_tensor", "resize", "resize_", "resize_as", "resize_as_",
    "resize_as_sparse_", "set_", "share_memory_", "sparse_resize_", "sparse_resize_and_clear_",
    "storage", "storage_type", "type", "untyped_storage",
}  # fmt: skip

_HOOKS = ("register_hook", "register_post_accumulate_grad_hook")

_ACCESSOR = re.compile(r"torch\.Tensor\.(\w+)\.__(get|set|delete)__")
_SYMBOLS = {
    "add": "+", "sub": "-", "mul": "*", "matmul": "@", "truediv": "/", "div": "/",
    "floordiv": "//", "mod": "%", "pow": "**", "lshift": "<<", "rshift": ">>", "and": "&",
    "or": "|", "xor": "^",
}  # fmt: skip


def torch_name(function: Any) -> str:
    """How a torch callable is written: ``torch.autograd.grad``, ``torch.Tensor.data.__get__``."""
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


def instead_of_function(name: str) -> tuple[str, str] | None:
    """What a torch callable is that could not be an op, and what to write for it.

    None if it could be one.
    """
    accessor = _ACCESSOR.fullmatch(name)
    if accessor is not None:
        return "an attribute of a tensor, not an op", _attribute(accessor[1], accessor[2])
    for beginning, found in _INSTEAD.items():
        if name == beginning or (beginning[-1] == "." and name.startswith(beginning)):
            return found
    owner, _, last = name.rpartition(".")
    if last.startswith("__"):
        return "what Python calls, not an op", _operator(name, last)
    if owner in ("torch", "torch.Tensor") and hasattr(Variable, last):
        return "a method of Variable, not an op", _own(last)
    if owner == "torch.Tensor":
        return _instead_of_method(last)
    if last.endswith("_"):
        return _instead_of_change(name)
    if _returns_no_tensor(last):
        return "about the tensor itself, not an op", f"call {name}(x.data)"
    return None


def instead_of_attribute(name: str) -> tuple[str, str] | None:
    """What an attribute of tensors is that could not be an op, and what to write for it."""
    if not hasattr(torch.Tensor, name):
        return None
    if not callable(getattr(torch.Tensor, name)):
        return "an attribute of a tensor, not an op", _attribute(name, "get")
    return _instead_of_method(name)


def _instead_of_method(name: str) -> tuple[str, str] | None:
    if name in _HOOKS:
        return "a hook, not an op", "call x.retain_grad(), and read x.grad after backward"
    if name in _OF_TENSORS or _returns_no_tensor(name):
        return "about the tensor itself, not an op", f"call x.data.{name}(...)"
    return _instead_of_change(f"torch.{name}") if name.endswith("_") else None


def _instead_of_change(name: str) -> tuple[str, str]:
    """For a function or method that changes its argument; of a method, ``torch.name``."""
    last = name.rpartition(".")[2]
    twin = name[:-1]
    if hasattr(Variable, last[:-1]):
        instead = f"write x = x.{last[:-1]}(...)"
    elif _is_function(twin):
        instead = (
            f"write a Function for {twin} with @plugrad.op(..., overrides=({twin},)) and "
            f"registry.add it, then x = {twin}(x, ...)"
        )
    elif hasattr(torch.Tensor, last):
        instead = f"call x.data.{last}(...), which leaves no trace in a graph"
    else:
        instead = f"call {name}(x.data, ...), which leaves no trace in a graph"
    return "a change in place, not an op", instead


def _is_function(name: str) -> bool:
    try:
        return callable(attrgetter(name.removeprefix("torch."))(torch))
    except AttributeError:
        return False


def _returns_no_tensor(name: str) -> bool:
    """Whether ATen has it, and in no form does it give a tensor."""
    packet = getattr(torch.ops.aten, name, None)
    if packet is None:
        return False
    schemas = [getattr(packet, overload)._schema for overload in packet.overloads()]
    return not any("Tensor" in str(given.type) for schema in schemas for given in schema.returns)


def _attribute(name: str, access: str) -> str:
    ours = isinstance(getattr(Variable, name, None), property)
    path = f"x.{name}" if ours else f"x.data.{name}"
    spelled = {"get": f"read {path}", "set": f"write {path} = ...", "delete": f"write del {path}"}
    return spelled[access]


def _own(name: str) -> str:
    is_property = isinstance(getattr(Variable, name), property)
    return f"read x.{name}" if is_property else f"call x.{name}(...)"


def _operator(name: str, last: str) -> str:
    plain = last.strip("_")
    for beginning, spelled in (("", "x {} y"), ("r", "y {} x"), ("i", "x = x {} y")):
        symbol = _SYMBOLS.get(plain.removeprefix(beginning))
        if symbol and plain.startswith(beginning):
            return f"write {spelled.format(symbol)}"
    return f"call {name}(x.data)"
