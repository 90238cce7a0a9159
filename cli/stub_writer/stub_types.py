"""StubTypes: types as a stub file spells them."""

from __future__ import annotations

import builtins
import collections.abc
import math
import types
import typing
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from plugrad.core.variable import Variable

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

#: How a result's tensors and those of an argument are spelled: on Variables, an op gives
#: Variables; it takes tensors too, and numbers where it says so.
RESULT, OPERAND, NUMBERS = ("Variable",), ("Variable", "Tensor"), ("Variable", "Tensor", "complex")

_LITERAL = (bool, int, str, type(None))


class StubTypes:
    """Spells types, and remembers what the file must import for that.

    Args:
        shadowed: names that stand for something else where the types are read: a class with
            a method ``int`` has to say ``builtins.int``.
    """

    def __init__(self, shadowed: Collection[str]) -> None:
        self._shadowed = shadowed
        #: The lines to import with.
        self.imports = {"from plugrad.core.variable import Variable", "from torch import Tensor"}

    def spelled(self, kind: Any, tensors: tuple[str, ...]) -> str:
        """The type ``kind`` with ``tensors`` for Tensor; ``Any`` if it cannot be spelled."""
        try:
            return self._spelled(kind, tensors)
        except Exception:  # whatever a pack's annotations may be
            return self._any()

    def _spelled(self, kind: Any, tensors: tuple[str, ...]) -> str:
        origin, parts = typing.get_origin(kind), typing.get_args(kind)
        if kind is Tensor or kind is Variable:
            return self._union(self.named(t) for t in tensors)
        if kind is Any:
            return self._any()
        if kind is None or kind is type(None):
            return "None"
        if kind is Ellipsis:
            return "..."
        if isinstance(kind, list):  # a Callable's arguments
            return f"[{', '.join(self._spelled(part, tensors) for part in kind)}]"
        if origin in (typing.Union, types.UnionType):
            return self._union(self._spelled(part, tensors) for part in parts)
        if origin is typing.Literal:
            if any(type(part) not in _LITERAL for part in parts):  # a member of an Enum, say
                return self._any()
            self.imports.add("from typing import Literal")
            return f"Literal[{', '.join(map(repr, parts))}]"
        if origin is typing.Annotated:
            return self._spelled(parts[0], tensors)
        if origin is not None:
            inner = ", ".join(self._spelled(part, tensors) for part in parts)
            if origin is list and (Tensor in parts or Variable in parts):
                origin = collections.abc.Sequence  # lists of Variables are no lists of either
            return f"{self._class(origin)}[{inner}]"
        return self._class(kind)

    def named(self, name: str) -> str:
        """A builtin's name, or one of the file's own."""
        if name in self._shadowed and hasattr(builtins, name):
            self.imports.add("import builtins")
            return f"builtins.{name}"
        return name

    def default(self, value: Any) -> str:
        """A parameter's default, or dots where it has no short spelling."""
        if isinstance(value, torch.dtype | torch.layout | torch.memory_format):
            self.imports.add("import torch")
            return repr(value)
        # Exactly these: what derives from them, as an IntEnum or NumPy's numbers, has a repr of
        # its own.
        simple = type(value) in _LITERAL
        if type(value) is float and math.isfinite(value):
            simple = True
        if type(value) is tuple and all(type(part) in (bool, int) for part in value):
            simple = True
        text = repr(value)
        return text.replace("'", '"') if simple and len(text) < 30 and '"' not in text else "..."

    def _class(self, kind: Any) -> str:
        if not isinstance(kind, type):
            return self._any()
        module, name = kind.__module__, kind.__qualname__
        if "<locals>" in name or module == "__main__":
            return self._any()
        if module == "builtins":
            return self.named(name)
        if module == "torch" or getattr(torch, name, None) is kind:  # torch._C.Generator
            self.imports.add("import torch")
            return f"torch.{name}"
        if module == "collections.abc":
            self.imports.add(f"from collections.abc import {name}")
            return name
        alias = "_" + module.replace(".", "_")  # which no method is called
        self.imports.add(f"import {module} as {alias}")
        return f"{alias}.{name}"

    def _any(self) -> str:
        self.imports.add("from typing import Any")
        return "Any"

    def _union(self, parts: Iterable[str]) -> str:
        flat = dict.fromkeys(name for part in parts for name in _members(part))
        none = flat.pop("None", "")
        return "Any" if "Any" in flat else " | ".join([*flat, *(["None"] if none is None else [])])


def _members(union: str) -> list[str]:
    """The parts of a union, not of what stands in brackets."""
    parts, depth = [""], 0
    for character in union:
        depth += {"[": 1, "]": -1}.get(character, 0)
        if character == "|" and not depth:
            parts.append("")
        else:
            parts[-1] += character
    return [part.strip() for part in parts]
