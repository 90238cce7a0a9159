"""Way: what a torch function does when it is given a Variable."""

from __future__ import annotations

import inspect
from dataclasses import dataclass, field
from operator import attrgetter
from typing import TYPE_CHECKING, Any

import torch

from plugrad.errors import PlugradError, UnknownTorchFunctionError
from plugrad.interop.primitives import has_no_gradient, is_composite
from plugrad.plugins.default import registry
from plugrad.plugins.instead import torch_name, variables_own

if TYPE_CHECKING:
    from collections.abc import Iterator

#: The modules of torch whose functions' primitives have names that begin with the module's.
_PREFIXED = ("linalg", "special", "fft")

_SAYS = {
    "op": "the op {op} stands for it",
    "variable": "a method of Variable itself stands for it",
    "refused": "it does not take Variables",
    "composite": "no op stands for it: torch's own implementation runs, and each primitive in it "
    "goes to its op",
    "missing": "no op stands for it or for its primitive: it runs without a gradient, and is an "
    "error where a gradient is needed",
}


@dataclass(frozen=True)
class Way:
    """A torch function, and what happens in a call with a Variable."""

    #: As torch writes it: ``torch.cov``.
    function: str
    #: ``op``, ``variable`` (its own method), ``refused``, ``composite`` or ``missing``.
    way: str
    #: The op that stands for it, if one does.
    op: str | None = None
    #: Of a function without an op, each of its primitives with its op's name, ``a composite``,
    #: ``no gradient`` or ``no op``. Python code has none of its own: its parts have.
    primitives: dict[str, str] = field(default_factory=dict)

    @property
    def text(self) -> str:
        """What happens, in words."""
        return _SAYS[self.way].format(op=self.op)

    @classmethod
    def of(cls, name: str) -> Way:
        """That of the function named ``torch.cov``.

        Raises:
            UnknownTorchFunctionError: torch has no such function.
        """
        function = _found(name)
        written = torch_name(function)
        try:
            called = registry.torch_function(function)
        except PlugradError:
            return cls(written, "refused")
        entry = next((e for e in registry if function in e.torch_callables()), None)
        if entry is not None:
            return cls(written, "op", entry.name)
        if called in registry.stand_ins.values() or variables_own(written) is not None:
            return cls(written, "variable")
        primitives = dict(_primitives(function, written))
        missing = bool(primitives) and set(primitives.values()) == {"no op"}
        return cls(written, "missing" if missing else "composite", None, primitives)


def _found(name: str) -> Any:
    try:
        function = attrgetter(name.removeprefix("torch."))(torch)
    except AttributeError:
        function = None
    if not callable(function) or isinstance(function, type):
        raise UnknownTorchFunctionError(
            f"torch has no function {name}",
            fix="write it as in a program: torch.cov, torch.nn.functional.normalize",
        )
    return function


def _primitives(function: Any, name: str) -> Iterator[tuple[str, str]]:
    """The functional overloads that a function written in C calls."""
    if inspect.isfunction(function):
        return
    *_, module, last = name.split(".")
    packet = getattr(torch.ops.aten, f"{module}_{last}" if module in _PREFIXED else last, None)
    for overload in packet.overloads() if packet is not None else ():
        primitive = getattr(packet, overload)
        if primitive._schema.is_mutable:
            continue
        entry = registry.primitive(primitive)
        if entry is not None:
            yield str(primitive), entry.name
        elif has_no_gradient(primitive):
            yield str(primitive), "no gradient"
        else:
            yield str(primitive), "a composite" if is_composite(primitive) else "no op"
