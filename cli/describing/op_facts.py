"""OpFacts: what is known about an op without running it."""

from __future__ import annotations

import inspect
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch.overrides

from plugrad.core.function import Composite
from plugrad.plugins.registered_op import BUILTIN

if TYPE_CHECKING:
    from collections.abc import Callable

    from plugrad.plugins.registered_op import RegisteredOp

_FLAGS = ("broadcasts", "promotes", "linear", "elementwise", "differentiable", "view", "random")


@dataclass(frozen=True)
class OpFacts:
    """An op, for people and programs to read."""

    entry: RegisteredOp

    @property
    def category(self) -> str:
        """The folder of a built-in op; nothing for others."""
        return self.entry.module.split(".")[2] if self.entry.pack == BUILTIN else ""

    @property
    def formula(self) -> str:
        """The class's docstring."""
        return inspect.cleandoc(self.entry.function.__doc__ or "")

    @property
    def summary(self) -> str:
        """Its first paragraph, in one line."""
        return " ".join(self.formula.partition("\n\n")[0].split())

    @property
    def signature(self) -> str:
        """``softplus(x: Tensor, beta: float = 1.0) -> Tensor``."""
        function = self.entry.function
        signature = inspect.signature(function.forward)
        parameters = list(signature.parameters.values())
        if not (issubclass(function, Composite) or function.takes_setup_context()):
            parameters = parameters[1:]
        shown = signature.replace(
            parameters=[p.replace(annotation=_verbatim(p.annotation)) for p in parameters],
            return_annotation=_verbatim(signature.return_annotation),
        )
        return f"{self.entry.plain_name}{shown}"

    @property
    def place(self) -> tuple[str | None, int | None]:
        """The file and the line where it is written, where that is known."""
        with suppress(OSError, TypeError):
            file = inspect.getsourcefile(self.entry.function)
            return file, inspect.getsourcelines(self.entry.function)[1]
        return None, None

    @property
    def overrides(self) -> list[str]:
        """The names of the torch callables that it is declared to stand for."""
        return [_callable_name(function) for function in self.entry.overrides]

    @property
    def flags(self) -> dict[str, Any]:
        """What is declared about its mathematics, as JSON can hold it."""
        declared = self.entry.declaration
        flags: dict[str, Any] = {name: getattr(declared, name) for name in _FLAGS}
        flags["composite"] = issubclass(self.entry.function, Composite)
        flags["nondeterminism"] = declared.nondeterminism
        dtypes = declared.dtypes
        flags["dtypes"] = None if dtypes is None else [str(dtype) for dtype in dtypes]
        return flags

    def as_dict(self) -> dict[str, Any]:
        """Everything."""
        entry, (file, line) = self.entry, self.place
        declared = entry.declaration
        return {
            "name": entry.name,
            "qualified_name": entry.qualified_name,
            "pack": entry.pack,
            "category": self.category,
            "module": entry.module,
            "class": entry.function.__qualname__,
            "file": file,
            "line": line,
            "methods": list(entry.methods),
            "inplace": list(entry.inplace_names),
            "properties": list(declared.properties),
            "overrides": self.overrides,
            "aliases": dict(declared.aliases),
            "summary": self.summary,
            "formula": self.formula,
            "signature": self.signature,
            "flags": self.flags,
            "surrogate": declared.as_surrogate.reason,
            "waives": dict(declared.waives),
            "equivalent": dict(declared.equivalent),
        }


class _Verbatim:
    """Shows an annotation that is text without quotes."""

    def __init__(self, text: str) -> None:
        self._text = text

    def __repr__(self) -> str:
        return self._text


def _verbatim(annotation: Any) -> Any:
    return _Verbatim(annotation) if isinstance(annotation, str) else annotation


def _callable_name(function: Callable[..., Any]) -> str:
    if isinstance(function, torch._ops.OpOverload | torch._ops.OpOverloadPacket):
        return f"torch.ops.{function}"
    resolved: str | None = torch.overrides.resolve_name(function)
    if resolved:
        return resolved
    name = str(getattr(function, "__name__", function))
    if getattr(torch, name, None) is function:
        return f"torch.{name}"
    return f"{function.__module__}.{getattr(function, '__qualname__', name)}"
